"""One mistake of each kind: each gives one fault, with file, section, key and what is right."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from oslo_config import cfg

from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.exceptions import ConfigurationError

Faults = Callable[[str], tuple[str, ...]]
Write = Callable[..., Path]

GOOD = """
[cotyledon]
services = one

[service:one]
service_type = sample
target = here
"""

# name: (what is added to the good one's [service:one], where, what the fault says)
IN_A_SERVICE = {
    "no number": ("workers = four", "[service:one] workers:", "'four'", "whole number of at least"),
    "negative": ("workers = -1", "[service:one] workers:", "'-1'", "at least 0"),
    "fraction": ("workers = 1.5", "[service:one] workers:", "'1.5'", "whole number"),
    "comment": ("workers = 4 # four", "[service:one] workers:", "comment must be on a line of"),
    "empty": ("workers =", "[service:one] workers:", "is empty", "whole number"),
    "empty plugin's": ("size =", "[service:one] size:", "is empty", "from 1 to 9"),
    "timeout": (
        "graceful_shutdown_timeout = -2",
        "[service:one] graceful_shutdown_timeout:",
        "at least 0",
    ),
    "bounds": ("size = 10", "[service:one] size:", "'10'", "from 1 to 9"),
    "boolean": ("eager = maybe", "[service:one] eager:", "'maybe'", "true or false"),
    "choice": ("mode = brittle", "[service:one] mode:", "'brittle'", "one of soft, hard"),
    "length": ("short = longer", "[service:one] short:", "'longer'", "maximum length 4"),
    "list item": ("ports = 80, eighty", "[service:one] ports:", "separated by commas", "65535"),
    "type of its own": ("odd = two", "[service:one] odd:", "'two' is wrong", "needed"),
    "dict": ("labels = nocolon", "[service:one] labels:", "key:value, separated by commas"),
    "unknown key": ("tagets = here", "[service:one] tagets:", "unknown", "did you mean target?"),
    "case of key": ("Workers = 3", "[service:one] Workers:", "did you mean workers?"),
    "nothing near": ("zzz = 1", "[service:one] zzz:", "unknown", "this section may have", "eager"),
    "dashed": ("restart-policy = never", "[service:one] restart-policy:", "write restart_policy"),
    "dashed plugin's": ("dashed-name = 2", "[service:one] dashed-name:", "write dashed_name"),
    "policy": (
        "restart_policy = cappd",
        "[service:one] restart_policy:",
        "'cappd'",
        "did you mean 'capped'?",
    ),
    "policy's option": (
        "restart_policy = capped\ncapped_max_restarts = x",
        "[service:one] capped_max_restarts:",
        "'x'",
    ),
    "policy's required": (
        "restart_policy = picky",
        "[service:one] picky_about:",
        "missing",
    ),
    "unused policy's": (
        "capped_period = 3",
        "[service:one] capped_period:",
        "restart policy capped",
        "set restart_policy",
    ),
    "manager's": ("stop_delay = 3", "[service:one] stop_delay:", "belongs in [cotyledon]"),
    "manager's list": ("notifiers = log", "[service:one] notifiers:", "belongs in [cotyledon]"),
    "manager's dashed": (
        "dump-signal = 0",
        "[service:one] dump-signal:",
        "dump_signal belongs in [cotyledon]",
    ),
    "notifier's": ("notifier_type = log", "notifier_type:", "belongs in [notifier:NAME]"),
    "policy's as in Python": (
        "max_restarts = 3",
        "[service:one] max_restarts:",
        "it is limited_max_restarts, with restart_policy = limited",
    ),
    "size": ("max_memory = much", "[service:one] max_memory:", "'much'", "512M"),
    "share": ("max_recycling = 0", "[service:one] max_recycling:", "'0'", "more than 0"),
    "refers to nothing": ("tags = $HOME", "[service:one] tags:", "'HOME'", "write $$"),
    "refers to a group": ("tags = $nothing.x", "[service:one] tags:", "refers to", "write $$"),
    "refers to itself": ("size = $size", "[service:one] size:", "itself", "write $$"),
    "checked by the plugin": (
        "mode = hard",
        "[service:one] size:",
        "must differ from 3",
    ),
    "checked as a whole": (
        "eager = true\ntags = a",
        "[service:one]:",
        "exclude each other",
    ),
}

# name: (whole text, what the fault says)
WHOLE = {
    "no services": ("[cotyledon]\nname = x", "[cotyledon] services:", "missing", "such as:"),
    "empty file": ("", "[cotyledon] services:", "missing"),
    "service type": (
        "[cotyledon]\nservices = one\n[service:one]\nservice_type = sampel",
        "[service:one] service_type:",
        "no plugin 'sampel'",
        "did you mean 'sample'?",
    ),
    "bounds of a program": (
        "[cotyledon]\nservices = command\n[service:command]\ncommand = true\nmax_tasks = 3",
        "[service:command] max_tasks:",
        "execute a program",
        "max_lifetime would do",
    ),
    "starts after an unknown one": (
        "[cotyledon]\nservices = web, example\n[service:web]\nservice_type = example\n"
        "start_after = exampel",
        "[service:web] start_after:",
        "'exampel' is no service",
        "did you mean example?",
    ),
    "stop delay": (
        "[cotyledon]\nservices =\nstop_delay = 60",
        "[cotyledon] stop_delay:",
        "60 is wrong",
        "below graceful_shutdown_timeout (60)",
    ),
    "stop delay without end": (
        "[cotyledon]\nservices =\nstop_delay = inf",
        "[cotyledon] stop_delay:",
        "finite",
    ),
    "starts after itself": (
        "[cotyledon]\nservices = example\n[service:example]\nstart_after = example",
        "[service:example] start_after:",
        "example after example",
    ),
    "start in a circle": (
        "[cotyledon]\nservices = a, b, c\n"
        "[service:a]\nservice_type = example\nstart_after = c\n"
        "[service:b]\nservice_type = example\nstart_after = a\n"
        "[service:c]\nservice_type = example\nstart_after = b",
        "start_after:",
        "none of them could be the first",
    ),
    "service type by section": (
        "[cotyledon]\nservices = whol",
        "[service:whol] service_type:",
        "no plugin 'whol'",
        "did you mean 'whole'?",
        "the section's own name stands for it",
    ),
    "required option": (
        "[cotyledon]\nservices = sample",
        "[service:sample] target:",
        "missing",
        "a text is needed",
    ),
    "broken plugin": (
        "[cotyledon]\nservices = missing",
        "[service:missing] service_type:",
        "config_samples:NoSuchClass",
        "config-samples 1.0",
    ),
    "reserved option": (
        "[cotyledon]\nservices = reserved",
        "[service:reserved] service_type:",
        "'workers'",
        "config-samples",
    ),
    "option of two plugins": (
        "[cotyledon]\nservices = clash\nrestart_policy = capped",
        "[service:clash] capped_max_restarts:",
        "must have a name of its own",
    ),
    "check that raises": (
        "[cotyledon]\nservices = raises",
        "[service:raises]:",
        "RuntimeError: oops",
        "may only raise ValueError",
    ),
    "policy of all": (
        "[cotyledon]\nservices =\nrestart_policy = alway",
        "[cotyledon] restart_policy:",
        "did you mean 'always'?",
    ),
    "policy's option of all": (
        "[cotyledon]\nservices = example, whole\nrestart_delay = soon",
        "[cotyledon] restart_delay:",
        "'soon'",
        "a number of at least 0",
    ),
    "policy's check of all": (
        "[cotyledon]\nservices = example, whole\nrestart_delay_max = inf",
        "[cotyledon] restart_delay_max:",
        "inf",
    ),
    "twice": ("[cotyledon]\nservices = whole, example, whole", "[cotyledon] services:", "twice"),
    "twice in another case": (
        "[cotyledon]\nservices = whole, Whole",
        "[cotyledon] services:",
        "'Whole'",
        "whatever its case",
    ),
    "twice in lower case": (
        "[cotyledon]\nservices = Web, web\n[service:web]\nservice_type = whole",
        "[cotyledon] services:",
        "'web'",
        "twice",
    ),
    "wrong before the plugin checks": (
        "[cotyledon]\nservices = command\n[service:command]\ncommand = $HOME/bin/x",
        "[service:command] command:",
        "'HOME'",
    ),
    "name of a service": (
        "[cotyledon]\nservices = one two",
        "[cotyledon] services:",
        "'one two'",
        "commas in between",
    ),
    "colon in a name": ("[cotyledon]\nservices = a:b", "[cotyledon] services:", "'a:b'"),
    "start method": (
        "[cotyledon]\nservices =\nstart_method = frok",
        "[cotyledon] start_method:",
        "'frok'",
        "one of fork, forkserver, spawn",
    ),
    "negative interval": (
        "[cotyledon]\nservices =\nspawn_interval = -1",
        "[cotyledon] spawn_interval:",
        "at least 0",
    ),
    "endless interval": (
        "[cotyledon]\nservices =\nspawn_interval = nan",
        "[cotyledon] spawn_interval:",
        "nan",
        "finite",
    ),
    "no dump signal": (
        "[cotyledon]\nservices =\ndump_signal = USR3",
        "[cotyledon] dump_signal:",
        "'USR3' is no signal",
        "RTMIN+1",
    ),
    "unfit dump signal": (
        "[cotyledon]\nservices =\ndump_signal = SIGTERM",
        "[cotyledon] dump_signal:",
        "'SIGTERM' is used by the manager",
        "RTMIN+1",
    ),
    "manager's timeout": (
        "[DEFAULT]\ngraceful_shutdown_timeout = -1\n[cotyledon]\nservices =",
        "[DEFAULT] graceful_shutdown_timeout:",
        "-1",
        "at least 0",
    ),
    "manager's timeout's type": (
        "[DEFAULT]\ngraceful_shutdown_timeout = 1m\n[cotyledon]\nservices =",
        "[DEFAULT] graceful_shutdown_timeout:",
        "'1m'",
        "whole number",
    ),
    "log_options": (
        "[DEFAULT]\nlog_options = perhaps\n[cotyledon]\nservices =",
        "[DEFAULT] log_options:",
        "'perhaps'",
        "true or false",
    ),
    "dash in DEFAULT": (
        "[DEFAULT]\nlog-options = true\n[cotyledon]\nservices =",
        "[DEFAULT] log-options:",
        "write log_options",
    ),
    "case of DEFAULT": (
        "[default]\nlog_options = true\n[cotyledon]\nservices =",
        "[default] log_options:",
        "[DEFAULT]",
    ),
    "unknown key of the manager": (
        "[cotyledon]\nservices =\nservcies = one",
        "[cotyledon] servcies:",
        "did you mean services?",
    ),
    "dash in the manager's": (
        "[cotyledon]\nservices =\nspawn-interval = 1",
        "[cotyledon] spawn-interval:",
        "write spawn_interval",
    ),
    "service's in the manager's": (
        "[cotyledon]\nservices =\non_give_up = keep",
        "[cotyledon] on_give_up:",
        "belongs in [service:NAME]",
    ),
    "two homes": (
        "[cotyledon]\nservices =\ngraceful_shutdown_timeout = 3",
        "[cotyledon] graceful_shutdown_timeout:",
        "belongs in [DEFAULT] or [service:NAME]",
    ),
    "policy's as in Python in the manager's": (
        "[cotyledon]\nservices =\nmax_restarts = 3",
        "[cotyledon] max_restarts:",
        "it is limited_max_restarts, with restart_policy = limited",
    ),
    "control's": (
        "[cotyledon]\nservices =\n[control]\nsoket = /run/x",
        "[control] soket:",
        "did you mean socket?",
    ),
    "control's placeholder": (
        "[cotyledon]\nservices =\n[control]\nsocket = /run/{user}",
        "[control] socket:",
        "{name} and {uid} may stand there",
    ),
    "control's mode": (
        "[cotyledon]\nservices =\n[control]\nmode = rw-",
        "[control] mode:",
        "octal digits such as 0600",
    ),
    "control's group": (
        "[cotyledon]\nservices =\n[control]\ngroup = no such group",
        "[control] group:",
        "a name or a number",
    ),
    "control's users": (
        "[cotyledon]\nservices =\n[control]\nread_only_uids = 1, root",
        "[control] read_only_uids:",
        "a whole number",
    ),
    "misspelt manager": (
        "[cotyledon]\nservices =\n[cotyledom]\nname = x",
        "[cotyledom]",
        "did you mean [cotyledon]?",
    ),
    "misspelt service": (
        "[cotyledon]\nservices = whole\n[servise:whole]\nworkers = 3",
        "[servise:whole]",
        "did you mean [service:whole]?",
    ),
    "plural of service": (
        "[cotyledon]\nservices = whole\n[services:whole]\nworkers = 3",
        "[services:whole]",
        "did you mean [service:whole]?",
    ),
    "blank in a section": (
        "[cotyledon]\nservices = whole\n[service: whole]\nworkers = 3",
        "[service: whole]",
        "write [service:whole]",
    ),
    "unknown notifier": (
        "[cotyledon]\nservices =\nnotifiers = bord",
        "[notifier:bord] notifier_type:",
        "did you mean 'board'?",
    ),
    "notifier's key": (
        "[cotyledon]\nservices =\nnotifiers = board\n[notifier:board]\ncolor = red",
        "[notifier:board] color:",
        "did you mean colour?",
    ),
    "notifier that cannot be made": (
        "[cotyledon]\nservices =\nnotifiers = refusing",
        "[notifier:refusing]:",
        "not on this host",
    ),
    "notifier's check": (
        "[cotyledon]\nservices =\nnotifiers = systemd\n[notifier:systemd]\nsocket = notify",
        "[notifier:systemd] socket:",
        "absolute path",
    ),
    "notifier twice": ("[cotyledon]\nservices =\nnotifiers = log, log", "notifiers:", "twice"),
    "command": (
        "[cotyledon]\nservices = command\n[service:command]\ncommand = 'sleep",
        "[service:command] command:",
        "cannot be split",
    ),
}

SYNTAX = {
    "no assignment": ("[cotyledon]\nservices", "line 2:", "'services'"),
    "open section": ("[cotyledon\nservices = a", "line 1:", "'[cotyledon'"),
    "no section": ("services = a", "line 1:", "Section must be started"),
    "no name": ("[]\nservices = a", "line 1:", "'[]'"),
    "no key": ("[cotyledon]\n= a", "line 2:", "Key cannot be empty"),
    "continuation": ("[cotyledon]\n  services = a", "line 2:", "continuation"),
    "comment after a section": ("[cotyledon] # ours\nservices = a", "line 1:", "must end with ]"),
}


def check(found: tuple[str, ...], file: str, wanted: tuple[str, ...]) -> None:
    (fault,) = found
    assert fault.startswith(f"{file}: ")
    assert "\n" not in fault
    for text in wanted:
        assert text in fault


@pytest.mark.parametrize("mistake", IN_A_SERVICE)
def test_mistake_in_a_service(mistake: str, faults: Faults, tmp_path: Path) -> None:
    added, *wanted = IN_A_SERVICE[mistake]
    check(faults(GOOD + added), str(tmp_path / "a.conf"), tuple(wanted))


@pytest.mark.parametrize("mistake", WHOLE)
def test_mistake(mistake: str, faults: Faults, tmp_path: Path) -> None:
    text, *wanted = WHOLE[mistake]
    check(faults(text), str(tmp_path / "a.conf"), tuple(wanted))


@pytest.mark.parametrize("mistake", SYNTAX)
def test_mistake_in_syntax(mistake: str, faults: Faults, tmp_path: Path) -> None:
    text, *wanted = SYNTAX[mistake]
    check(faults(text), str(tmp_path / "a.conf"), (*wanted, "a line must be"))


def test_without_a_mistake(compiled: Callable[[str], object]) -> None:
    assert compiled(GOOD)


def test_an_option_that_the_application_has_taken(write: Write) -> None:
    path = write(GOOD)
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.StrOpt("size"), "service:one")
    conf([f"--config-file={path}"])
    with pytest.raises(ConfigurationError) as caught:
        compile_settings(conf)
    check(caught.value.faults, str(path), ("[service:one] size:", "the application"))


def test_all_faults_at_once(faults: Faults) -> None:
    texts = [added for added, *_ in IN_A_SERVICE.values() if "\n" not in added]
    # Keys are not looked at where an unknown policy may have more of them.
    keys = {text.partition(" =")[0] for text in texts} - {"restart_policy"}
    picked = [next(text for text in texts if text.startswith(f"{key} =")) for key in sorted(keys)]
    found = faults(GOOD + "\n".join(picked))
    for key in keys:
        assert any(f"[service:one] {key}:" in fault for fault in found), key


def test_an_unknown_plugin_hides_no_misspelt_key(faults: Faults) -> None:
    """Its own options are not known, but these keys cannot be any of them."""
    found = faults(
        "[cotyledon]\nservices = one\nnotfiers = log\nrestart_policy = alwys\n"
        "[service:one]\nservice_type = smple\nworkrs = 3\nsome-thing = 1\nlabel = x\n"
    )
    text = "\n".join(found)
    assert len(found) == 5, text
    assert "did you mean notifiers?" in text
    assert "did you mean workers?" in text
    assert "write some_thing" in text


def test_a_wrong_option_does_not_hide_those_that_the_plugin_checks(faults: Faults) -> None:
    found = faults(GOOD.replace("here", "nowhere") + "workers = x\nsize = x\nlabels = x\n")
    keys = [fault.partition("[service:one] ")[2].partition(":")[0] for fault in found]
    assert sorted(keys) == ["labels", "size", "target", "workers"]


def keys_of(found: tuple[str, ...]) -> list[str]:
    return sorted(fault.partition("[service:")[2].partition(":")[0] for fault in found)


def test_options_of_supervision_do_not_hide_each_other(faults: Faults) -> None:
    text = GOOD + "start_timeout = 5s\nmax_memory = 10Q\nmax_recycling = 0%\n"
    assert keys_of(faults(text)) == ["one] max_memory", "one] max_recycling", "one] start_timeout"]


def test_a_wrong_service_hides_no_circle_and_no_unknown_one(faults: Faults) -> None:
    found = faults(
        "[cotyledon]\nservices = a, b\n"
        "[service:a]\nservice_type = exampel\nstart_after = b\n"
        "[service:b]\nservice_type = example\nworkers = x\nstart_after = a, c\n"
    )
    text = "\n".join(found)
    assert len(found) == 4, text
    assert "'c' is no service" in text
    assert "none of them could be the first" in text


def test_wrong_options_do_not_hide_what_is_unfit_for_programs(faults: Faults) -> None:
    found = faults(
        "[cotyledon]\nservices = command\n[service:command]\n"
        "workers = x\nwatchdog = y\nmax_tasks = 3\n"
    )
    keys = ["command", "max_tasks", "watchdog", "workers"]
    assert keys_of(found) == [f"command] {key}" for key in keys]


def test_a_secret_is_not_told(faults: Faults) -> None:
    (fault,) = faults(GOOD + "pin = hunter2")
    assert "[service:one] pin:" in fault
    assert "hunter2" not in fault
    assert "matches" in fault


def test_several_broken_files(write: Write, tmp_path: Path) -> None:
    first = write("[cotyledon", "first.conf")
    second = write("nothing", "second.conf")
    third = tmp_path / "third.conf"
    with pytest.raises(ConfigurationError) as caught:
        load([f"--config-file={path}" for path in (first, second, third)])
    places = [fault.partition(":")[0] for fault in caught.value.faults]
    assert places == [str(first), str(second), str(third)]


@pytest.mark.skipif(os.name != "posix", reason="POSIX's kinds of files")
def test_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigurationError, match="not a regular file"):
        load([f"--config-file={tmp_path / 'fifo'}"])
    with pytest.raises(ConfigurationError, match="not a regular file"):
        load([f"--config-file={tmp_path}"])


def test_no_permission(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(GOOD)

    def refuse(parser: object) -> None:
        raise PermissionError

    monkeypatch.setattr(cfg.ConfigParser, "parse", refuse)  # root may read everything
    with pytest.raises(ConfigurationError, match=r"cannot be read; let the user .* read it"):
        load([f"--config-file={path}"])


def test_no_permission_to_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ConfigurationError, match=r"cannot be listed; let the user .* read"):
        load([f"--config-dir={tmp_path}"])


def test_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.conf"
    path.write_bytes(b"[cotyledon]\nservices = \xff\xfe\n")
    if sys.flags.utf8_mode or "utf" in sys.getfilesystemencoding():
        with pytest.raises(ConfigurationError, match="is not text in the encoding"):
            load([f"--config-file={path}"])


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gone: is not a directory"):
        load([f"--config-dir={tmp_path / 'gone'}"])


def test_no_file_at_all() -> None:
    with pytest.raises(ConfigurationError, match="name one with --config-file"):
        compile_settings(load([]))


def test_the_fault_names_the_file_of_several(write: Write) -> None:
    first = write(GOOD + "workers = x\ntagets = x", "first.conf")
    second = write("[service:one]\nsize = x", "second.conf")
    with pytest.raises(ConfigurationError) as caught:
        compile_settings(load([f"--config-file={first}", f"--config-file={second}"]))
    found = {fault.partition("] ")[2].partition(":")[0]: fault for fault in caught.value.faults}
    assert found["workers"].startswith(str(first))
    assert found["tagets"].startswith(str(first))
    assert found["size"].startswith(str(second))


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("OS_SERVICE:ONE__WORKERS", "x", "[service:one] workers: 'x'"),
        ("OS_SERVICE:ONE__WOKERS", "3", "did you mean OS_SERVICE:ONE__WORKERS?"),
        ("OS_COTYLEDON__SERVCES", "a", "did you mean OS_COTYLEDON__SERVICES?"),
        ("OS_DEFAULT__GRACEFUL_SHUTDOWN_TIMEOUT", "x", "[DEFAULT] graceful_shutdown_timeout: 'x'"),
    ],
)
def test_mistake_in_the_environment(
    name: str, value: str, wanted: str, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    (fault,) = faults(GOOD)
    assert fault.startswith(f"environment variable {name}: ")
    assert wanted in fault


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[service:two]\nworkers = 3", "[service:two] is not used"),
        ("[service:on]\nworkers = 3", "did you mean [service:one]?"),
        ("[notifier:board]\ncolour = red", "[notifier:board] is not used: [cotyledon] notifiers"),
        ("[DEFAULT]\nstop_delay = 3", "[DEFAULT] stop_delay: is not read from there"),
        ("[DEFAULT]\nwatchdog_timeout = 3", "of ours belongs in [service:NAME]"),
        ("[DEFAULT]\nrestart_policy = never", "belongs in [cotyledon] or [service:NAME]"),
        ("[services]\none = 1", "a service's section is [service:NAME]"),
    ],
)
def test_notice(text: str, wanted: str, compiled: Callable[[str], object], tmp_path: Path) -> None:
    (notice,) = compiled(GOOD + text).notices  # type: ignore[attr-defined]
    assert notice.startswith(f"{tmp_path / 'a.conf'}: ")
    assert wanted in notice


def test_the_application_s_sections_are_left_alone(compiled: Callable[[str], object]) -> None:
    text = GOOD + "[oslo_messaging]\nrpc-x = 1\n[DEFAULT]\ndebug-x = 1\n[database]\n[my:section]\n"
    assert compiled(text).notices == ()  # type: ignore[attr-defined]
