"""The options of listening sockets, and what the sections say of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from oslo_config import cfg

from cotyledon_core import activation
from cotyledon_core.config.sources import normal
from cotyledon_core.config.values import Values
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.listening import BACKLOG, Listening

SOCKET = "socket:"
"""What the names of listening sockets' sections begin with."""

SOCKET_OPTIONS: list[cfg.Opt] = [
    cfg.ListOpt(
        "address",
        default=[],
        sample_default=["127.0.0.1:8080"],
        help="Where to listen: an IP address and a port, such as 127.0.0.1:8080 or [::]:8080, the "
        "path of a Unix socket, or @ and an abstract name. May be several. Not read if systemd "
        "passes a socket of this name.",
    ),
    cfg.IntOpt(
        "backlog",
        default=BACKLOG,
        min=1,
        help="How many connections may wait until they are accepted; the system may allow less.",
    ),
    cfg.StrOpt(
        "mode",
        help="Access mode of a Unix socket in the file system, octal, such as 660. Unless given, "
        "the umask decides.",
    ),
    cfg.BoolOpt(
        "reuse_port",
        default=False,
        help="Whether other processes of the same user may listen there too (SO_REUSEPORT).",
    ),
]


def read(values: Values, asked: Iterable[str]) -> dict[str, Listening]:
    """What the manager listens on by itself, by name; a fault for all that is wrong.

    :param asked: the names that services ask for; they may stand in the environment alone.
    """
    names = {normal(name): name for name in (*_with_sections(values), *asked)}
    found = {name: _read_one(values, name) for name in names.values()}
    return {name: listening for name, listening in found.items() if listening is not None}


def _with_sections(values: Values) -> Iterable[str]:
    for _, section in values.sources.sections():
        if normal(section).startswith(SOCKET):
            yield section[len(SOCKET) :]


def _read_one(values: Values, name: str) -> Listening | None:
    section = f"{SOCKET}{name}"
    values.register(section, SOCKET_OPTIONS)
    given = {option.dest: values.get(section, option.dest) for option in SOCKET_OPTIONS}
    if not any(values.is_set(section, key) for key in given):
        return None
    wrong = [key for key in given if values.is_at_fault(section, key)]
    try:
        return Listening.checked(**{**given, **{key: _RIGHT[key] for key in wrong}})
    except ValueError as error:
        for line in str(error).splitlines():
            key, _, text = line.partition(": ")
            values.fault(section, key, text)
    return None


_RIGHT = {"address": "@right", "backlog": BACKLOG, "mode": None, "reuse_port": False}
"""Stand for values that are at fault, so that the others are looked at."""


def notices(
    values: Values, sockets: Mapping[str, Listening], asked: Mapping[str, Iterable[str]]
) -> list[str]:
    """What is no fault but may not be meant.

    :param asked: by section of a service: the names that it asks for.
    """
    lines = []
    passed = _passed()
    for section, names in asked.items():
        for name in names:
            if name not in sockets and name not in passed:
                place = values.sources.place(section, "sockets")
                lines.append(
                    f"{place}: [{section}] sockets: there is no [{SOCKET}{name}]; "
                    "it has to be passed by systemd"
                )
    used = {name for names in asked.values() for name in names}
    for name in sockets:
        if name not in used:
            section = f"{SOCKET}{name}"
            place = values.sources.place(section)
            lines.append(f"{place}: [{section}] is not used: no service's sockets name it")
    return lines


def _passed() -> set[str]:
    try:
        return {each.name for each in activation.passed(os.environ, os.getpid())}
    except ConfigurationError:  # told when it matters
        return set()
