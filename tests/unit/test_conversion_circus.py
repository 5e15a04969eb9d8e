"""What becomes of each key of circus's."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.supervision.share import Share

from conversion_support import Conversion  # isort: skip  # beside this file

pytestmark = pytest.mark.skipif(
    not metadata.entry_points(group="cotyledon.services"),
    reason="the project is not installed: no entry points",
)

Convert = Callable[..., Conversion]

ENVIRON = {"HOME": "/home/x", "PASSWORD": "top secret"}


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Convert:
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
    return lambda text: Conversion("circus", text, tmp_path, ENVIRON)


WATCHER = "[watcher:web]\ncmd = /bin/web --x 'a b'\n"

KEYS: list[tuple[str, dict[str, Any]]] = [
    ("", {"command": "/bin/web --x 'a b'", "workers": 1, "restart_policy": "Always"}),
    ("", {"graceful_shutdown_timeout": None, "environment": {}}),
    ("args = -p 80 ; port", {"command": "/bin/web --x 'a b' -p 80"}),
    (
        "args = $(circus.env.home) ((circus.env.HOME))",
        {"command": "/bin/web --x 'a b' /home/x /home/x"},
    ),
    ("args = $(circus.no) $HOME", {"command": "/bin/web --x 'a b' $(circus.no) $HOME"}),
    (
        "shell = true\nargs = | cat",
        {"command": "/bin/sh -c '/bin/web --x '\"'\"'a b'\"'\"' | cat'"},
    ),
    ("numprocesses = 3", {"workers": 3}),
    ("numprocesses = 0", {"workers": 0}),
    ("autostart = False", {"workers": 0}),
    ("respawn = false", {"restart_policy": "Never"}),
    ("working_dir = /tmp", {"directory": "/tmp"}),
    ("uid = root\ngid = 0", {"user": "root", "group": "0"}),
    ("stop_signal = QUIT", {"stop_signal": "QUIT"}),
    ("send_hup = true", {"reload_signal": "HUP"}),
    ("graceful_timeout = 2.5", {"graceful_shutdown_timeout": 3}),
    ("graceful_timeout = 0", {"graceful_shutdown_timeout": 1}),
    ("max_age = 300", {"max_lifetime": 300.0, "recycle_jitter": 0.1}),
    ("max_age = 300\nmax_age_variance = 0", {"max_lifetime": 300.0, "recycle_jitter": 0.0}),
    ("rlimit_nofile = 500\nrlimit_core =", {"rlimits": {"NOFILE": "500", "CORE": "unlimited"}}),
    ("[circus]\numask = 027", {"umask": "027"}),
    ("[env]\nA = 1,2\nb = $(circus.env.HOME)/x", {"environment": {"A": "1,2", "b": "/home/x/x"}}),
    ("[env:w*,x]\nA = 2\n[env]\nA = 1\nB = 1", {"environment": {"A": "2", "B": "1"}}),
    ("[env:x]\nA = 2", {"environment": {}}),
    ("[env]\nHOME = $(circus.env.HOME):/y", {"environment": {"HOME": "/home/x:/y"}}),
    ("args = $(circus.env.A)\n[env]\nA = b", {"command": "/bin/web --x 'a b' b"}),
    ("max_recycling = 1", {"max_recycling": Share(25, percent=True)}),
]


@pytest.mark.parametrize(("lines", "wanted"), KEYS, ids=[lines or "-" for lines, _ in KEYS])
def test_a_key(lines: str, wanted: dict[str, Any], convert: Convert) -> None:
    service = convert(WATCHER + lines).service()
    assert {name: service[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        ("autostart = false", "autostart: a service with workers = 0 waits"),
        ("priority = 5", "priority: the services are listed in this order"),
        ("max_retry = 5", "max_retry: a program is started again"),
        ("warmup_delay = 5", "warmup_delay: spawn_interval of [cotyledon]"),
        ("stop_children = true", "stop_children: only the program itself"),
        ("copy_path = true", "copy_path: PYTHONPATH"),
        ("use_sockets = true", "use_sockets: a program finds its sockets by LISTEN_FDS"),
        ("stdin_socket = web", "stdin_socket: a program finds its sockets by LISTEN_FDS"),
        ("on_demand = true", "on_demand: a program finds its sockets by LISTEN_FDS"),
        ("virtualenv = /x", "virtualenv: name the program with its path"),
        ("executable = /x", "executable: name the program in command"),
        ("close_child_stdout = true", "close_child_stdout: what a program writes"),
        ("stdout_stream.class = FileStream", "stdout_stream.class: what a program writes"),
        ("stderr_stream.filename = /x", "stderr_stream.filename: what a program writes"),
        ("hooks.before_start = x.y", "hooks.before_start: has no equal for a program"),
        ("num_procs = 3", "num_procs: is no key of the original's"),
        ("[circus]\nendpoint = tcp://x", "[circus] endpoint: there is no remote control"),
        ("[circus]\nloglevel = info", "[circus] loglevel: the log goes to standard error"),
        ("[circus]\ncheck_delay = 5", "[circus] check_delay: an end is seen when"),
        ("[circus]\ninclude = none.ini", "include none.ini: no file of this name"),
        ("[socket:web]\nport = 1", "[socket:web]: a program finds its sockets by LISTEN_FDS"),
        ("[plugin:x]\nuse = x", "[plugin:x]: the notifiers are told of events"),
        ("[watchers:x]\ncmd = x", "[watchers:x]: is unknown; it is left out"),
        ("", "copy_env: circus starts a program with the variables of its file only"),
        ("args = $(circus.env.home)", "$(circus.env.home): stands here with the value"),
    ],
)
def test_what_has_no_equal_has_a_note(lines: str, note: str, convert: Convert) -> None:
    assert f"# note: {note}" in convert(WATCHER + lines).notes


@pytest.mark.parametrize(
    "lines",
    ["singleton = true", "use_sockets = false", "[circus]\nhttpd = false", "[env]\nA = b"],
)
def test_what_is_so_anyway_has_none(lines: str, convert: Convert) -> None:
    assert "# note" not in convert(f"{WATCHER}copy_env = true\n{lines}").text


def test_secrets_are_in_no_note(convert: Convert) -> None:
    found = convert(f"{WATCHER}[env]\nA = $(circus.env.PASSWORD)\nB = top secret \\$\n")
    assert found.service()["environment"] == {"A": "top secret"}
    assert "secret" not in found.notes


def test_processes_that_differ_are_services(convert: Convert) -> None:
    found = convert("[watcher:web]\ncmd = web\nargs = 80$(circus.wid) $WID\nnumprocesses = 2\n")
    assert found.names == ["web-1", "web-2"]
    assert found.service("web-2")["command"] == "web 802 2"


def test_one_that_needs_circus_s_socket_is_not_started(convert: Convert) -> None:
    found = convert("[watcher:web]\ncmd = web --fd $(circus.sockets.web)\n")
    assert found.service()["workers"] == 0
    assert "$(circus.sockets.…): a program finds its sockets by LISTEN_FDS" in found.notes


def test_the_order_is_that_of_the_priorities(convert: Convert) -> None:
    text = "[watcher:a]\ncmd=a\n[watcher:b]\ncmd=b\npriority=5\n[watcher:c]\ncmd=c\npriority=9\n"
    assert convert(text).names == ["c", "b", "a"]


def test_the_first_value_counts(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "more.ini").write_text("[watcher:web]\nnumprocesses = 9\nuid = root\n")
    text = f"{WATCHER}numprocesses = 2\n[circus]\ninclude = more.ini\n"
    service = convert(text).service()
    assert (service["workers"], service["user"]) == (2, "root")


def test_a_directory_is_included(convert: Convert, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.ini").write_text("[watcher:x]\ncmd = x\n")
    assert convert("[circus]\ninclude_dir = d\n").names == ["x"]


def test_the_longest_stop_bounds_the_manager_s(convert: Convert) -> None:
    assert convert(f"{WATCHER}graceful_timeout = 90").settings.graceful_shutdown_timeout == 90
    assert convert(WATCHER).settings.graceful_shutdown_timeout == 30


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[watcher:]\ncmd = x", "[watcher:]: has no name; it must be [watcher:NAME]"),
        ("[watcher: ]\ncmd = x", "[watcher: ]: has no name; it must be [watcher:NAME]"),
        ("[watcher:x]\nuid = x", "[watcher:x] cmd: is missing"),
        ("[watcher:x]\ncmd = 'x", "[watcher:x] cmd: cannot be split into words"),
        ("[watcher:x]\ncmd =", "[watcher:x] cmd: must name a program"),
        ("numprocesses = x", "[watcher:web] numprocesses: 'x' is wrong: a whole number"),
        ("respawn = x", "[watcher:web] respawn: 'x' is wrong: true or false"),
        ("stop_signal = x", "[watcher:web] stop_signal: 'x' is no signal"),
        ("graceful_timeout = x", "[watcher:web] graceful_timeout: 'x' is wrong: a number of"),
        ("priority = x", "[watcher:web] priority: 'x' is wrong: a whole number"),
        ("max_age = x", "[watcher:web] max_age: 'x' is wrong: a whole number"),
    ],
)
def test_a_fault_is_one_line(text: str, wanted: str, convert: Convert, tmp_path: Path) -> None:
    whole = text if text.startswith("[") else WATCHER + text
    with pytest.raises(ConfigurationError) as caught:
        convert(whole)
    (line,) = caught.value.faults
    assert line.startswith(f"{tmp_path / 'original.conf'}: {wanted}")


def test_a_byte_order_mark_is_no_text(convert: Convert) -> None:
    assert convert("\ufeff" + WATCHER).names == ["web"]


def test_a_long_stop_of_one_is_not_that_of_others(convert: Convert) -> None:
    found = convert(f"{WATCHER}graceful_timeout=90\n[watcher:b]\ncmd=b\n")
    assert found.service("web")["graceful_shutdown_timeout"] == 90
    assert found.service("b")["graceful_shutdown_timeout"] == 30
