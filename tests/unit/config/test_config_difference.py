"""What differs between two configurations, and what each difference takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from cotyledon_core.config import control, marks, options
from cotyledon_core.config.difference import (
    Difference,
    Key,
    NotifierChanges,
    ServiceChange,
    difference,
    refusals,
)
from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.control_settings import ControlSettings

Compile = Callable[[str], ManagerSettings]

BASE = """
[cotyledon]
services = one, two
restart_policy = capped
[service:one]
service_type = example
[service:two]
service_type = example
"""
WHOLE = "[cotyledon]\nservices = whole\n[service:whole]\n"


def keys(*names: str, section: str = "service:two") -> tuple[Key, ...]:
    return tuple(Key(section, name) for name in names)


def only_change(found: Difference) -> ServiceChange:
    """That of one service, where nothing else differs."""
    assert found == Difference(changed=found.changed, restart=found.restart)
    (change,) = found.changed
    return change


@pytest.mark.parametrize(
    ("options", "added"),
    [
        (options.DEFAULT_OPTIONS, marks.DEFAULT_MARKS),
        (options.MANAGER_OPTIONS, marks.MANAGER_MARKS),
        (control.OPTIONS, marks.CONTROL_MARKS),
        (options.SERVICE_OPTIONS, marks.SERVICE_MARKS),
        (options.NOTIFIER_OPTIONS, marks.NOTIFIER_MARKS),
        (options.SOCKET_OPTIONS, marks.SOCKET_MARKS),
    ],
)
def test_every_option_has_a_mark(options: list[cfg.Opt], added: dict[str, marks.Mark]) -> None:
    assert {option.dest for option in options} == added.keys()


def test_every_setting_of_the_manager_has_a_mark() -> None:
    compared = {field.name for field in fields(ManagerSettings) if field.compare}
    assert compared - {"control"} <= marks.MANAGER_MARKS.keys() | marks.DEFAULT_MARKS.keys()
    assert set(ControlSettings.field_names) == marks.CONTROL_MARKS.keys()


@pytest.mark.parametrize(
    "added",
    [
        "",
        "workers = 1",
        "greeting = hello",
        "capped_period = 60.0",
        "[cotyledon]\nservices = two, one",
        "[other]\nkey = value",
    ],
)
def test_nothing_differs(added: str, compiled: Compile) -> None:
    found = difference(compiled(BASE), compiled(BASE + added))
    assert found == Difference()
    assert not found


@pytest.mark.parametrize("count", [0, 3])
def test_scaled(count: int, compiled: Compile) -> None:
    change = only_change(difference(compiled(BASE), compiled(BASE + f"workers = {count}")))
    assert (change.name, change.old.workers, change.new.workers) == ("two", 1, count)
    assert change.is_scaled
    assert change == ServiceChange(change.old, change.new)


@pytest.mark.parametrize(
    "line",
    [
        "capped_period = 1",
        "restart_policy = never",
        "graceful_shutdown_timeout = 1",
        "start_timeout = 1",
        "watchdog_signal = INT",
        "max_lifetime = 3",
        "max_recycling = 3",
        "on_give_up = shutdown",
    ],
)
def test_live(line: str, compiled: Compile) -> None:
    change = only_change(difference(compiled(BASE), compiled(BASE + line)))
    assert change.live == keys(line.split(" = ")[0])
    assert change == ServiceChange(change.old, change.new, live=change.live)


@pytest.mark.parametrize(
    "line",
    [
        "greeting = hi",
        "service_type = sample\ntarget = here",
        "ready_when = notified",
        "watchdog = service",
        "watchdog_timeout = 1",
        "max_memory = 1G",
        "max_tasks = 1",
        "recycle_jitter = 0",
        "capture_stderr = yes",
    ],
)
def test_replacing(line: str, compiled: Compile) -> None:
    change = only_change(difference(compiled(BASE), compiled(BASE + line)))
    assert change.replacing == keys(line.split(" = ")[0])
    assert change == ServiceChange(change.old, change.new, replacing=change.replacing)


def test_who_divides_its_work_by_the_number_of_workers_is_replaced(compiled: Compile) -> None:
    text = "[cotyledon]\nservices = dividing\n[service:dividing]\nworkers = "
    change = only_change(difference(compiled(f"{text}2"), compiled(f"{text}3")))
    assert change.replacing == keys("workers", section="service:dividing")
    assert change.is_scaled


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("start_after = one", Key("service:two", "start_after")),
        ("[cotyledon]\nname = x", Key("cotyledon", "name")),
        ("[cotyledon]\nstart_method = spawn", Key("cotyledon", "start_method")),
        ("[cotyledon]\ndump_signal = 0", Key("cotyledon", "dump_signal")),
        ("[cotyledon]\nscale_signals = yes", Key("cotyledon", "scale_signals")),
    ],
)
def test_what_needs_a_restart_is_refused(
    line: str, key: Key, compiled: Compile, tmp_path: Path
) -> None:
    new = compiled(BASE + line)
    found = difference(compiled(BASE), new)
    assert found.restart == (key,)
    assert refusals(found, new) == [
        f"{tmp_path / 'a.conf'}: {key}: a change needs a restart of the manager"
    ]


def test_a_new_service_may_start_after_an_old_one(compiled: Compile) -> None:
    new = compiled(
        BASE + "[service:three]\nservice_type = example\nstart_after = one\n"
        "[cotyledon]\nservices = one, two, three"
    )
    found = difference(compiled(BASE), new)
    assert [service.name for service in found.added] == ["three"]
    assert found == Difference(added=found.added)
    assert refusals(found, new) == []


def test_services_come_and_go(compiled: Compile) -> None:
    old, new = compiled(BASE), compiled(BASE + "[cotyledon]\nservices = whole, two")
    found = difference(old, new)
    assert found == Difference(added=new.services[:1], removed=old.services[:1])
    assert [service.name for service in (*found.added, *found.removed)] == ["whole", "one"]


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("[DEFAULT]\ngraceful_shutdown_timeout = 3\nlog_options = no", "DEFAULT"),
        ("[cotyledon]\nspawn_interval = 1\nstop_delay = 2", "cotyledon"),
    ],
)
def test_the_manager_s_own(text: str, section: str, compiled: Compile) -> None:
    found = difference(compiled(BASE), compiled(BASE + text))
    assert found == Difference(live=found.live)
    names = [line.split(" = ")[0] for line in text.splitlines()[1:]]
    assert set(found.live) == set(keys(*names, section=section))


def test_a_policy_for_all_services(compiled: Compile) -> None:
    found = difference(compiled(BASE), compiled(BASE + "[cotyledon]\nrestart_policy = always"))
    assert [(change.name, change.live) for change in found.changed] == [
        (name, keys("restart_policy", section=f"service:{name}")) for name in ("one", "two")
    ]


def test_notifiers(compiled: Compile) -> None:
    text = "[cotyledon]\nservices =\nnotifiers = board\n[notifier:board]\n"

    def of(new: str) -> NotifierChanges:
        found = difference(compiled(text), compiled(new))
        assert found == Difference(notifiers=found.notifiers)
        return found.notifiers

    assert of(text) == NotifierChanges()
    assert of(text + "colour = red") == NotifierChanges(changed=("board",))
    assert of(text + "notifier_type = log") == NotifierChanges(changed=("board",))
    assert of(text + "[cotyledon]\nnotifiers = log") == NotifierChanges(("log",), ("board",))


def test_what_a_service_could_read(compiled: Compile) -> None:
    """All sections but the manager's; only of services that get the ConfigOpts."""
    both = "[cotyledon]\nservices = whole, example\n[service:whole]\n"
    found = difference(compiled(both), compiled(both + "[paint]\ncolour = red"))
    change = only_change(found)
    assert change.name == "whole"
    assert change.conf == keys("colour", section="paint")
    assert change == ServiceChange(change.old, change.new, conf=change.conf)


@pytest.mark.parametrize(
    "text", ["start_timeout = 3", "[cotyledon]\nspawn_interval = 1", "[service:x]\nkey = value"]
)
def test_the_manager_s_sections_are_not_its_services(text: str, compiled: Compile) -> None:
    found = difference(compiled(WHOLE), compiled(WHOLE + text))
    assert not any(change.conf for change in found.changed)


def test_the_environment_counts(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    old = compiled(WHOLE)
    monkeypatch.setenv("OS_PAINT__COLOUR", "red")
    change = only_change(difference(old, compiled(WHOLE)))
    assert change.conf == keys("colour", section="paint")
    new = compiled(WHOLE + "[paint]\ncolour = blue")
    assert not difference(compiled(WHOLE), new), "the environment goes before files"


def test_mutable_options_of_a_plugin(compiled: Compile) -> None:
    """Only a class that gets the ConfigOpts can see them change."""
    change = only_change(difference(compiled(WHOLE), compiled(WHOLE + "soft = x\nextra = y")))
    assert change.in_place == keys("soft", section="service:whole")
    assert change.replacing == keys("extra", section="service:whole")


def test_values_are_not_shown(compiled: Compile) -> None:
    text = "[cotyledon]\nservices = sample\n[service:sample]\ntarget = here\ntoken = "
    found = difference(compiled(text + "hunter2"), compiled(text + "hunter3"))
    assert only_change(found).replacing == keys("token", section="service:sample")
    assert "hunter" not in repr(found)


def test_the_document_names_the_marks() -> None:
    """``doc/configuration.rst`` has a paragraph for each mark, with its options."""
    path = Path(__file__).resolve().parents[3] / "doc" / "configuration.rst"
    text = path.read_text(encoding="utf-8")
    tables = {
        "[DEFAULT]": marks.DEFAULT_MARKS,
        "[cotyledon]": marks.MANAGER_MARKS,
        "[control]": marks.CONTROL_MARKS,
        "[service:NAME]": marks.SERVICE_MARKS,
        "[notifier:NAME]": marks.NOTIFIER_MARKS,
        "[socket:NAME]": marks.SOCKET_MARKS,
    }
    for mark in marks.Mark:
        part = text.split(f".. _mark-{mark.value}:")[1].split(".. _")[0]
        for section, table in tables.items():
            wanted = [name for name, found in table.items() if found is mark]
            rows = part.split(f"``{section}``")[1:]
            named = rows[0].split("\n\n")[0] if rows else ""
            assert set(named.split("``")[1::2]) == set(wanted), (mark, section)


TEXTS = st.builds(
    lambda services, more: (
        "[cotyledon]\nservices = "
        + ", ".join(services)
        + "".join(f"\n[service:{name}]\nservice_type = example\n{more}" for name in services)
    ),
    st.lists(st.sampled_from("abcd"), unique=True),
    st.sampled_from(["workers = 2", "greeting = hi", "max_tasks = 1", "start_timeout = 1", ""]),
)


def compiled_in(directory: Path, text: str) -> ManagerSettings:
    path = directory / "any.conf"
    path.write_text(text)
    return compile_settings(load([f"--config-file={path}"]))


@given(TEXTS, TEXTS)
@settings(deadline=None, max_examples=25)
def test_what_is_applied_leaves_no_difference(
    tmp_path_factory: pytest.TempPathFactory, one: str, other: str
) -> None:
    directory = tmp_path_factory.mktemp("any")
    old, new = compiled_in(directory, one), compiled_in(directory, other)
    assert not difference(old, old)
    found = difference(old, new)
    services = {service.name: service for service in old.services}
    for service in found.removed:
        del services[service.name]
    for change in found.changed:
        services[change.name] = change.new
    services.update({service.name: service for service in found.added})
    assert not difference(replace(old, services=tuple(services.values())), new)
    assert bool(found) == bool(difference(new, old))
