"""The service ``command``: an external program as a worker.

The program takes over the worker's process, by exec and without a shell. So
its pid and its exit status are the worker's, and signals go to it directly. It
may tell us ``READY=1`` and the like through ``NOTIFY_SOCKET``.

All options are checked by :func:`program_from_options`, which the
configuration's check calls too: a mistake is found before anything starts.
What depends on the moment of the start (whether the program and the directory
exist and may be used) is found by the start.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cotyledon_core import Program, Service, WorkerId, signal_number

UNLIMITED = -1
GREATEST_LIMIT = 2**63 - 1
GREATEST_ID = 2**32 - 2


class CommandService(Service):
    """Runs an external program.

    :param options: those of :func:`program_from_options`.
    :raises ValueError: for impossible options.
    """

    name = "command"

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg, types

        return [
            cfg.StrOpt(
                "command",
                required=True,
                help="The program and its arguments, quoted as for a shell. No shell runs it. "
                "Write $$ for a dollar sign.",
            ),
            cfg.Opt(
                "environment",
                type=types.Dict(types.String(quotes=True)),
                default={},
                help="Environment variables to add, as NAME:VALUE,NAME:VALUE. A value with commas "
                "stands in quotes.",
            ),
            cfg.StrOpt("directory", help="Working directory; the manager's unless given."),
            cfg.StrOpt(
                "stop_signal",
                default="TERM",
                help="The signal, by name or number, that asks the program to end.",
            ),
            cfg.StrOpt(
                "reload_signal",
                help="The signal, by name or number, that asks the program to reload. "
                "Without one a reload replaces the program.",
            ),
            cfg.StrOpt("user", help="User to run as, by name or number."),
            cfg.StrOpt(
                "group",
                help="Group to run as, by name or number; the user's own unless given.",
            ),
            cfg.StrOpt("umask", help="File mode creation mask, octal, such as 022."),
            cfg.DictOpt(
                "rlimits",
                default={},
                help="Resource limits, as NAME:LIMIT or NAME:SOFT/HARD, separated by commas, "
                "such as NOFILE:1024/4096,CORE:unlimited.",
            ),
        ]

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """
        :raises ValueError: with a line for each impossible option, its name first.
        """
        program_from_options(**options)

    def __init__(self, worker_id: WorkerId, **options: Any) -> None:
        super().__init__(worker_id)
        self._program = program_from_options(**options)

    def program(self) -> Program:
        return self._program


def program_from_options(
    command: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
    stop_signal: str | int = "TERM",
    reload_signal: str | int | None = None,
    user: str | int | None = None,
    group: str | int | None = None,
    umask: str | None = None,
    rlimits: Mapping[str, str] | None = None,
) -> Program:
    """What the options say to execute.

    :param command: the program and its arguments, quoted as for a shell.
    :param environment: variables to add to the worker's environment.
    :param directory: the working directory.
    :param stop_signal: name or number of the signal that asks for the end.
    :param reload_signal: name or number of the signal that asks to reload.
    :param user: name or number of the user to run as.
    :param group: name or number of the group to run as.
    :param umask: octal digits.
    :param rlimits: a limit, or a soft and a hard one with a slash between them,
        by resource name; ``unlimited`` is one.
    :raises ValueError: with a line for each impossible option, its name first.
    """
    faults: list[str] = []

    def read(option: str, parse: Callable[[Any], Any], value: Any) -> Any:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            faults.append(f"{option}: {error}")
            return None

    program = Program(
        argv=read("command", _argv, command or "") or (),
        environment=read("environment", _environment, environment or {}) or {},
        directory=read("directory", _text, directory),
        stop_signal=read("stop_signal", signal_number, stop_signal) or signal.SIGTERM,
        reload_signal=read("reload_signal", signal_number, reload_signal),
        user=read("user", _user, user),
        group=read("group", _group, group),
        umask=read("umask", _umask, umask),
        rlimits=read("rlimits", _rlimits, rlimits or {}) or {},
    )
    if faults:
        raise ValueError("\n".join(faults))
    return program


def _text(value: str) -> str:
    if not value or "\0" in value:
        raise ValueError(f"{value!r} must be neither empty nor contain a null character")
    return value


def _argv(command: str) -> Sequence[str]:
    try:
        argv = tuple(shlex.split(command))
    except ValueError as error:
        raise ValueError(f"{command!r} cannot be split: {error}; quote it as for a shell") from None
    if not argv or not argv[0]:
        raise ValueError("it must name a program, such as /usr/bin/sleep 60")
    if "\0" in command:
        raise ValueError(f"{command!r} must not contain a null character")
    return argv


def _environment(variables: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"{name!r}: {value!r} is no variable; it must be NAME:VALUE")
    return dict(variables)


def _user(user: str | int) -> str | int:
    def exists(name: str) -> object:
        import pwd

        return pwd.getpwnam(name)

    return _account("user", user, exists)


def _group(group: str | int) -> str | int:
    def exists(name: str) -> object:
        import grp

        return grp.getgrnam(name)

    return _account("group", group, exists)


def _account(kind: str, account: str | int, exists: Callable[[str], object]) -> str | int:
    """A number as it stands, or the name of an account that there is."""
    text = str(account).strip()
    if text.isascii() and text.isdigit() and int(text) <= GREATEST_ID:
        return int(text)
    try:
        exists(text)
    except KeyError:
        raise ValueError(f"there is no {kind} {text!r}; it must be a name or a number") from None
    except ImportError:
        raise ValueError(f"this platform cannot run a program as another {kind}") from None
    return text


def _umask(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit()) or set(digits) & set("89"):
        raise ValueError(f"{digits!r} must be octal digits, such as 022")
    mask = int(digits, 8)
    if mask > 0o777:
        raise ValueError(f"{digits!r} must be at most 777")
    return mask


def _rlimits(limits: Mapping[str, str]) -> Mapping[str, tuple[int, int]]:
    return {_resource(name): _limits(name, value) for name, value in limits.items()}


def _resource(name: str) -> str:
    try:
        import resource
    except ImportError:
        raise ValueError("this platform has no resource limits") from None
    known = sorted(
        limit.removeprefix("RLIMIT_") for limit in dir(resource) if limit.startswith("RLIMIT_")
    )
    wanted = name.strip().upper().removeprefix("RLIMIT_")
    if wanted not in known:
        raise ValueError(f"there is no resource {name!r}; there are {', '.join(known)}")
    return wanted


def _limits(name: str, value: str) -> tuple[int, int]:
    soft, _, hard = str(value).partition("/")
    try:
        low, high = _limit(soft), _limit(hard or soft)
    except ValueError:
        raise ValueError(
            f"{name}:{value} is no limit; it must be LIMIT or SOFT/HARD, "
            "each a number or 'unlimited'"
        ) from None
    if high != UNLIMITED and not 0 <= low <= high:
        raise ValueError(f"{name}:{value} has a soft limit above the hard one")
    return low, high


def _limit(text: str) -> int:
    word = text.strip().lower()
    if word in ("unlimited", "infinity"):
        return UNLIMITED
    if not (word.isascii() and word.isdigit()) or int(word) > GREATEST_LIMIT:
        raise ValueError
    return int(word)
