"""What the options of the ``command`` service become, and which are refused."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest

from cotyledon_core.program import Program
from cotyledon_core.types import WorkerId
from cotyledon_plugins.services.command import CommandService, program_from_options


def test_a_command_alone() -> None:
    assert CommandService(WorkerId(0), command="sleep 60").program() == Program(
        argv=("sleep", "60")
    )


def test_all_options() -> None:
    assert program_from_options(
        command="/bin/prog --title 'two words' $HOME",
        environment={"PATH": "/bin:/usr/bin", "EMPTY": ""},
        directory="/srv",
        stop_signal="SIGINT",
        reload_signal="hup",
        user="root",
        group="0",
        umask="027",
        rlimits={"NOFILE": "1024/4096", "core": "unlimited", "RLIMIT_CPU": "5/unlimited"},
    ) == Program(
        argv=("/bin/prog", "--title", "two words", "$HOME"),
        environment={"PATH": "/bin:/usr/bin", "EMPTY": ""},
        directory="/srv",
        stop_signal=signal.SIGINT,
        reload_signal=signal.SIGHUP,
        user="root",
        group=0,
        umask=0o027,
        rlimits={"NOFILE": (1024, 4096), "CORE": (-1, -1), "CPU": (5, -1)},
    )


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "term", "15", 15])
def test_signals_by_name_and_number(name: str | int) -> None:
    assert program_from_options(command="x", stop_signal=name).stop_signal == 15


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"command": None}, "command: it must name a program"),
    ({"command": "  "}, "command: it must name a program"),
    ({"command": "''"}, "command: it must name a program"),
    ({"command": "echo 'oops"}, 'command: "echo \'oops" cannot be split: No closing'),
    ({"command": "a\0b"}, "command: 'a\\x00b' must not contain a null character"),
    ({"environment": {"A=B": "c"}}, "environment: 'A=B': 'c' is no variable; it must be"),
    ({"directory": ""}, "directory: '' must be neither empty"),
    ({"stop_signal": "TREM"}, "stop_signal: 'TREM' is no signal; it must be a name such as TERM"),
    ({"stop_signal": "0"}, "stop_signal: '0' is no signal"),
    ({"reload_signal": "9999"}, "reload_signal: '9999' is no signal"),
    ({"reload_signal": ""}, "reload_signal: '' is no signal"),
    ({"user": "no-such-user"}, "user: there is no user 'no-such-user'; it must be a name or"),
    ({"group": "no-such-group"}, "group: there is no group 'no-such-group'"),
    ({"user": "99999999999"}, "user: there is no user '99999999999'"),
    ({"umask": "0b1"}, "umask: '0b1' must be octal digits, such as 022"),
    ({"umask": "089"}, "umask: '089' must be octal digits"),
    ({"umask": ""}, "umask: '' must be octal digits"),
    ({"umask": "7777"}, "umask: '7777' must be at most 777"),
    ({"rlimits": {"NOFILES": "1"}}, "rlimits: there is no resource 'NOFILES'; there are "),
    ({"rlimits": {"NOFILE": "many"}}, "rlimits: NOFILE:many is no limit; it must be LIMIT or"),
    ({"rlimits": {"NOFILE": "-1"}}, "rlimits: NOFILE:-1 is no limit"),
    ({"rlimits": {"NOFILE": "9" * 30}}, f"rlimits: NOFILE:{'9' * 30} is no limit"),
    ({"rlimits": {"NOFILE": "2/1"}}, "rlimits: NOFILE:2/1 has a soft limit above the hard one"),
    ({"rlimits": {"CORE": "unlimited/1"}}, "rlimits: CORE:unlimited/1 has a soft limit above"),
]


@pytest.mark.parametrize(("options", "wanted"), FAULTS, ids=[text[:50] for _, text in FAULTS])
def test_an_impossible_option_is_one_clear_line(options: dict[str, Any], wanted: str) -> None:
    given = {"command": "true", **options}
    for check in (
        CommandService.check_options,
        lambda **given: CommandService(WorkerId(0), **given),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(wanted)}[^\n]*$"):
            check(**given)


def test_every_fault_has_its_line() -> None:
    with pytest.raises(ValueError, match=r"^command: .*\nstop_signal: .*\numask: .*$"):
        CommandService.check_options(command="'", umask="9", stop_signal="X")


def test_the_options_are_those_of_the_constructor() -> None:
    values = {option.dest: option.default for option in CommandService.options()}
    program = program_from_options(**{**values, "command": "true"})
    assert program == program_from_options(command="true")


def test_the_options_read_from_a_file(tmp_path: Any) -> None:
    from oslo_config import cfg

    file = tmp_path / "a.conf"
    file.write_text(
        "[x]\ncommand = sh -c 'echo $$HOME, ok'\nenvironment = A:1,P:/a:/b,Q:\"x, 'y'\"\n"
        "rlimits = NOFILE:64/128,CORE:0\numask = 022\n"
    )
    conf = cfg.ConfigOpts()
    conf.register_opts(CommandService.options(), group="x")
    conf(["--config-file", str(file)], project="x")
    program = program_from_options(**dict(conf.x))
    assert program.argv == ("sh", "-c", "echo $HOME, ok")
    assert program.environment == {"A": "1", "P": "/a:/b", "Q": "x, 'y'"}
    assert program.rlimits == {"NOFILE": (64, 128), "CORE": (0, 0)}
    assert program.umask == 0o022


@pytest.mark.parametrize("module", ["pwd", "grp", "resource"])
def test_a_platform_without_posix_says_so(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    option: dict[str, Any] = {
        "pwd": {"user": "root"},
        "grp": {"group": "root"},
        "resource": {"rlimits": {"CORE": "0"}},
    }[module]
    with pytest.raises(ValueError, match=r"^(user|group|rlimits): this platform "):
        program_from_options(command="true", **option)
    assert program_from_options(command="true").argv == ("true",)
