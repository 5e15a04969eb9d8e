"""What becomes of each key of supervisord's."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core.conversion.supervisord_file import variables
from cotyledon_core.exceptions import ConfigurationError

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
    return lambda text: Conversion("supervisord", text, tmp_path, ENVIRON)


PROGRAM = "[program:web]\ncommand=/bin/web --x 'a b'\n"

KEYS: list[tuple[str, dict[str, Any]]] = [
    ("", {"command": "/bin/web --x 'a b'", "workers": 1, "restart_policy": "OnFailure"}),
    ("", {"clean_exit_status": ["0"], "restart_healthy_after": 1.0, "user": None}),
    ("numprocs=3\nprocess_name=%(program_name)s_%(process_num)02d", {"workers": 3}),
    ("numprocs=0", {"workers": 0}),
    ("autostart=false", {"workers": 0}),
    ("autostart=yes", {"workers": 1}),
    ("autorestart=true", {"restart_policy": "Always"}),
    ("autorestart=false", {"restart_policy": "Never", "clean_exit_status": ["0"]}),
    ("autorestart=unexpected", {"restart_policy": "OnFailure"}),
    ("exitcodes=0,2", {"clean_exit_status": ["0", "2"]}),
    ("startsecs=7", {"restart_healthy_after": 7.0}),
    (
        "startretries=2\nautorestart=true",
        {
            "restart_policy": "Limited",
            "limited_max_restarts": 2,
            "limited_period": 6.0,
            "restart_prevent_status": [],
        },
    ),
    (
        "startretries=2\nnumprocs=2\nexitcodes=0,5",
        {
            "restart_policy": "Limited",
            "limited_max_restarts": 4,
            "restart_prevent_status": ["0", "5"],
        },
    ),
    ("startretries=2\nautorestart=false", {"restart_policy": "Never"}),
    ("stopsignal=INT", {"stop_signal": "INT"}),
    ("stopsignal=sigusr1", {"stop_signal": "sigusr1"}),
    ("stopsignal=15", {"stop_signal": "15"}),
    ("stopwaitsecs=30", {"graceful_shutdown_timeout": 30}),
    ("stopwaitsecs=0", {"graceful_shutdown_timeout": 1}),
    ("user=root", {"user": "root"}),
    ("umask=027", {"umask": "027"}),
    ("directory=/tmp ; here", {"directory": "/tmp"}),
    ("directory=%(here)s/x", {"directory": "{here}/x"}),
    ('environment=A="1,2",B=x', {"environment": {"A": "1,2", "B": "x"}}),
    ("environment=A=\"say 'x' y\",B='q\"q'", {"environment": {"A": "say 'x' y", "B": 'q"q'}}),
    ("environment=A=\"p$$a ss\",B='%%'", {"environment": {"A": "p$$a ss", "B": "%"}}),
    ('environment=A="%(ENV_HOME)s/x"', {"environment": {"A": "/home/x/x"}}),
    ('environment=HOME="%(ENV_HOME)s",B=x', {"environment": {"B": "x"}}),
    ("environment=NO_SUCH=%(ENV_NO_SUCH)s", {"environment": {}}),
    ('environment=A="%(group_name)s %(program_name)s"', {"environment": {"A": "web web"}}),
    ("command=%(ENV_HOME)s/web %(program_name)s", {"command": "/home/x/web web"}),
    ("environment=A=b\ncommand=x %(ENV_A)s", {"command": "x b"}),
    ("command=x $HOME 100%%", {"command": "x $HOME 100%"}),
    ("command=x \\$HOME", {"command": "x '$HOME'"}),
    ("command='/opt/my web'", {"command": "'/opt/my web'"}),
    ("command='/opt/my web' 'x'", {"command": "'/opt/my web' 'x'"}),
    ("command=web \\\n   one\n   two", {"command": "web '\none' two"}),
    ("command=web\n   one\n   two", {"command": "web one two"}),
    ("priority=5", {"workers": 1}),
    ("[supervisord]\nenvironment=A=1,B=2", {"environment": {"A": "1", "B": "2"}}),
    ("environment=B=3\n[supervisord]\nenvironment=A=1,B=2", {"environment": {"A": "1", "B": "3"}}),
    ("[supervisord]\nuser=root\numask=027", {"user": "root", "umask": "027"}),
    ("umask=007\n[supervisord]\numask=027", {"umask": "007"}),
    ("[supervisord]\ndirectory=/srv", {"directory": "/srv"}),
    ("directory=/tmp\n[supervisord]\ndirectory=/srv", {"directory": "/tmp"}),
]


@pytest.mark.parametrize(("lines", "wanted"), KEYS, ids=[lines or "-" for lines, _ in KEYS])
def test_a_key(lines: str, wanted: dict[str, Any], convert: Convert, tmp_path: Path) -> None:
    service = convert(PROGRAM + lines).service()
    found = {name: service[name] for name in wanted}
    assert found == {
        name: value.replace("{here}", str(tmp_path)) if isinstance(value, str) else value
        for name, value in wanted.items()
    }


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        ("autostart=false", "autostart: a service with workers = 0 waits"),
        ("autorestart=false", "autorestart: a program that ends within startsecs"),
        ("startretries=4", "startretries: counts the restarts"),
        ("priority=5", "priority: the services are listed in this order"),
        ("stopasgroup=true", "stopasgroup: only the program itself"),
        ("killasgroup=true", "killasgroup: only the program itself"),
        ("redirect_stderr=true", "redirect_stderr: standard output and standard error"),
        ("stdout_logfile=/var/log/x", "stdout_logfile: what a program writes"),
        ("stdout_logfile=NONE", "stdout_logfile: what a program writes"),
        ("stderr_logfile=/var/log/x", "stderr_logfile: what a program writes"),
        ("stdout_logfile_maxbytes=1MB", "stdout_logfile_maxbytes: there is no log file"),
        ("stderr_logfile_backups=3", "stderr_logfile_backups: there is no log file"),
        ("stdout_capture_maxbytes=1MB", "stdout_capture_maxbytes: output is no event"),
        ("stderr_events_enabled=true", "stderr_events_enabled: output is no event"),
        ("stdout_syslog=true", "stdout_syslog: the journal"),
        ("serverurl=AUTO", "serverurl: there is no remote control"),
        ("numbprocs=3", "numbprocs: is no key of the original's"),
        ("[group:all]\nprograms=web", "[group:all]: has no equal"),
        ("[supervisord]\nlogfile=/x", "[supervisord] logfile: the log goes to standard error"),
        ("[supervisord]\npidfile=/x", "[supervisord] pidfile: the manager stays"),
        ("[supervisord]\nminfds=9", "[supervisord] minfds: is for the manager's own start"),
        ("[supervisord]\nuser=root", "[supervisord] user: stands with each service"),
        ("[unix_http_server]\nfile=/x", "[unix_http_server]: there is no remote control"),
        ("[inet_http_server]\nport=1", "[inet_http_server]: there is no remote control"),
        ("[supervisorctl]", "[supervisorctl]: there is no remote control"),
        ("[rpcinterface:x]\na=1", "[rpcinterface:x]: there is no remote control"),
        ("[eventlistener:x]\ncommand=x", "[eventlistener:x]: speaks supervisord's event"),
        ("[fcgi-program:x]\ncommand=x", "[fcgi-program:x]: the manager opens no socket"),
        ("[progam:x]\ncommand=x", "[progam:x]: is unknown; it is left out"),
        ("[include]\nfiles=none/*.conf", "[include] files none/*.conf: no file of this name"),
        ("environment=A='%(ENV_HOME)s/x'", "%(ENV_HOME)s: stands here with the value"),
        ("environment=A='%(host_node_name)s'", "%(host_node_name)s: stands here"),
        ("environment=A='\\$x'", "environment A: its value cannot be written here"),
        ("command=sh -c 'a\n  b'", "command: its line breaks stay"),
        ("", "startretries: is not set, and supervisord gives up"),
    ],
)
def test_what_has_no_equal_has_a_note(lines: str, note: str, convert: Convert) -> None:
    assert f"# note: {note}" in convert(PROGRAM + lines).notes


@pytest.mark.parametrize(
    "lines",
    [
        "stopasgroup=false",
        "redirect_stderr=false",
        "stdout_logfile=/dev/stdout",
        "stdout_logfile=AUTO",
        "stdout_logfile_maxbytes=0",
        "[supervisord]\nnodaemon=true",
        "environment=HOME='%(ENV_HOME)s'",
    ],
)
def test_what_is_so_anyway_has_none(lines: str, convert: Convert) -> None:
    assert convert(f"{PROGRAM}startretries=3\n{lines}").text.count("# note:") == 1


def test_secrets_are_in_no_note(convert: Convert) -> None:
    found = convert(
        f"{PROGRAM}environment=A='%(ENV_PASSWORD)s',B='top secret \\$'\n"
        "[unix_http_server]\npassword=top secret\n"
    )
    assert found.service()["environment"] == {"A": "top secret"}
    assert "secret" not in found.notes


def test_processes_that_differ_are_services(convert: Convert) -> None:
    found = convert(
        "[program:web]\ncommand=web --port 80%(process_num)02d\nnumprocs=2\nnumprocs_start=1\n"
        "process_name=%(program_name)s_%(process_num)02d\nstartretries=3\n"
    )
    assert found.names == ["web_01", "web_02"]
    assert [found.service(name)["command"] for name in found.names] == [
        "web --port 8001",
        "web --port 8002",
    ]
    assert found.service("web_01")["limited_max_restarts"] == 3
    assert "web: its processes differ" in found.notes


def test_the_order_is_that_of_the_priorities(convert: Convert) -> None:
    found = convert(
        "[program:a]\ncommand=a\n[program:b]\ncommand=b\npriority=20\n[program:c]\ncommand=c\n"
        "priority=10\n[program:d]\ncommand=d\n[group:g]\nprograms=d,a\npriority=15\n"
    )
    assert found.names == ["c", "d", "a", "b"]


def test_names_are_made_ours(convert: Convert) -> None:
    found = convert(
        "[program:a b]\ncommand=x\n[program:A-B]\ncommand=x\n[program:_x]\ncommand=x\n"
        "[group:one]\nprograms=_x\n[group:two]\nprograms=_x\n"
    )
    assert found.names == ["x", "x-2", "a-b", "A-B-2"]


def test_includes_are_read(convert: Convert, tmp_path: Path) -> None:
    directory = tmp_path / "conf.d"
    directory.mkdir()
    (directory / "b.conf").write_text("[program:b]\ncommand=%(here)s/b\n")
    (directory / "a.conf").write_text("[program:a]\ncommand=a\n")
    found = convert("[supervisord]\n[include]\nfiles = conf.d/*.conf %(here)s/none")
    assert found.names == ["a", "b"]
    assert found.service("b")["command"] == f"{directory}/b"


def test_the_manager(convert: Convert) -> None:
    found = convert(f"[supervisord]\nidentifier=shop\n{PROGRAM}stopwaitsecs=90")
    assert found.settings.name == "shop"
    assert found.settings.graceful_shutdown_timeout == 90
    assert convert(PROGRAM).settings.graceful_shutdown_timeout == 10


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("command=x", "{file}: line 1: is outside of any section"),
        ("[program:x]\ncommand", "{file}: line 2: must be key = value"),
        ("[program:x]\nuser=x", "{file}: [program:x] command: is missing"),
        ("[program:x]\ncommand=", "{file}: [program:x] command: must name a program"),
        ("[program:x]\ncommand='x", "{file}: [program:x] command: cannot be split into words"),
        ("[program:x]\ncommand=%(y)s", "{file}: [program:x] command: %(y)s stands for nothing"),
        (
            "[program:x]\ncommand=%(ENV_NONE)s",
            "{file}: [program:x] command: %(ENV_NONE)s stands for nothing here; set NONE in",
        ),
        ("[program:x]\ncommand=100%", "{file}: [program:x] command: has a wrong % in it"),
        ("numprocs=x", "{file}: [program:web] numprocs: 'x' is wrong: a whole number is needed"),
        ("numprocs=-1", "{file}: [program:web] numprocs: '-1' is wrong: a whole number of at"),
        ("autostart=x", "{file}: [program:web] autostart: 'x' is wrong: true or false"),
        ("autorestart=x", "{file}: [program:web] autorestart: 'x' is wrong: true, false or"),
        ("exitcodes=x", "{file}: [program:web] exitcodes: 'x' is wrong: exit codes from 0 to"),
        ("stopsignal=x", "{file}: [program:web] stopsignal: 'x' is no signal"),
        ("stopwaitsecs=x", "{file}: [program:web] stopwaitsecs: 'x' is wrong: a number of"),
        ("priority=x", "{file}: [program:web] priority: 'x' is wrong: a whole number"),
        ("umask=8", "{file}: [program:web] umask: '8' is wrong: octal digits are needed"),
        ("environment=A", "{file}: [program:web] environment: is wrong: it must be NAME="),
        ("environment=A='x", "{file}: [program:web] environment: has a quotation mark without"),
        ("[program:]\ncommand=x", "{file}: [program:]: has no name; it must be [program:NAME]"),
        ("[group:g]\nprograms=web,y", "{file}: [group:g] programs: there is no [program:y]"),
    ],
)
def test_a_fault_is_one_line(text: str, wanted: str, convert: Convert, tmp_path: Path) -> None:
    whole = text if text.startswith(("[program", "command")) else PROGRAM + text
    with pytest.raises(ConfigurationError) as caught:
        convert(whole)
    (line,) = caught.value.faults
    assert line.startswith(wanted.format(file=tmp_path / "original.conf"))


def test_a_byte_order_mark_is_no_text(convert: Convert) -> None:
    assert convert("\ufeff" + PROGRAM).names == ["web"]


def test_every_fault_is_told(convert: Convert) -> None:
    with pytest.raises(ConfigurationError) as caught:
        convert("[program:a]\n[program:b]\ncommand=b\npriority=x\n[supervisord]\nenvironment=x")
    assert len(caught.value.faults) == 3


def test_no_fault_has_a_secret(convert: Convert) -> None:
    for line in ("environment=A='hidden", "environment=hidden", "hidden", "command='hidden"):
        with pytest.raises(ConfigurationError) as caught:
            convert(f"{PROGRAM}{line}")
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        ("A=1", {"A": "1"}),
        ("A=1,B=2,", {"A": "1", "B": "2"}),
        ('A="x y",B=/a:/b', {"A": "x y", "B": "/a:/b"}),
        ("A='',B=a-b", {"A": "", "B": "a-b"}),
    ],
)
def test_variables(text: str, wanted: dict[str, str]) -> None:
    assert variables(text) == wanted


def test_a_long_stop_of_one_is_not_that_of_others(convert: Convert) -> None:
    found = convert(f"{PROGRAM}stopwaitsecs=90\n[program:b]\ncommand=b\n")
    assert found.service("web")["graceful_shutdown_timeout"] == 90
    assert found.service("b")["graceful_shutdown_timeout"] == 10
