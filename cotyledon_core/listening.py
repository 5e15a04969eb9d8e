"""What the manager listens on by itself, as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from cotyledon_core.record import Record

BACKLOG = 1024
FORMS = "127.0.0.1:8080, [::1]:8080, /run/name.sock or @name"
PATH_LIMIT = 107
"""Bytes of a Unix socket's address (unix(7))."""


class Address(Record):
    """Where to listen: ``host`` and ``port``, or ``path``."""

    host: str = ""
    """An IP address, in the form that the system gives it."""
    port: int = 0
    """0 has the system choose one."""
    path: str = ""
    """Of a Unix socket; ``@`` and a name is an abstract one."""

    @property
    def is_file(self) -> bool:
        return self.path.startswith("/")

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """
        :raises ValueError: if it is none.
        """
        if text[:1] in ("/", "@"):
            if len(text) < 2 or "\0" in text or len(text.encode()) > PATH_LIMIT:
                raise ValueError(f"{text!r} is no path of 1 to {PATH_LIMIT} bytes")
            return cls(path=text)
        host, _, port = text.rpartition(":")
        if not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ValueError(f"{text!r} is no address; it must be such as {FORMS}")
        return cls(host=_ip_address(host, text), port=int(port))


def _ip_address(host: str, text: str) -> str:
    from ipaddress import IPv4Address, IPv6Address

    try:
        if host[:1] == "[" and host[-1:] == "]":
            return str(IPv6Address(host[1:-1]))
        return str(IPv4Address(host))
    except ValueError:
        right = "an IP address in front of the port, 0.0.0.0 or [::] for all"
        raise ValueError(f"{text!r} is no address: it needs {right}") from None


class Listen(TypedDict, total=False):
    """The keywords of :meth:`.ServiceManager.listen`."""

    backlog: int
    mode: int | str | None
    reuse_port: bool


class Listening(Record):
    """What is bound under one name."""

    address: tuple[Address, ...]
    """One at least."""
    backlog: int = BACKLOG
    """Connections that wait to be accepted, at the most."""
    mode: int | None = None
    """Of Unix sockets in the file system; None leaves it to the umask."""
    reuse_port: bool = False
    """Whether other processes of the same user may listen there, too."""

    @classmethod
    def checked(cls, **given: Any) -> Listening:
        """The same, with texts made into what they stand for.

        :raises ValueError: with one line for each impossible value, its name first.
        """
        listening, faults, values = cls(**given), [], {}
        for name, read in _READERS.items():
            try:
                values[name] = read(getattr(listening, name))
            except ValueError as error:
                faults.append(f"{name}: {error}")
        has_mode = not faults and values["mode"] is not None
        if has_mode and not all(address.is_file for address in values["address"]):
            faults.append("mode: only a Unix socket in the file system has one; remove it")
        if faults:
            raise ValueError("\n".join(faults))
        return cls(**values)


def _addresses(value: Any) -> tuple[Address, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    try:
        texts = [each if isinstance(each, Address) else each.strip() for each in listed or ()]
    except (TypeError, AttributeError):
        raise ValueError(f"{value!r} is no list of addresses such as {FORMS}") from None
    if not any(texts):
        raise ValueError(f"is missing; it must be such as {FORMS}")
    found = [each if isinstance(each, Address) else Address.parse(each) for each in texts if each]
    return tuple(dict.fromkeys(found))


def _backlog(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise ValueError(f"{value!r} is not a whole number of 1 or more")
    return value


def _mode(value: Any) -> int | None:
    """A number, or octal digits."""
    if value is None or (isinstance(value, int) and 0 <= value <= 0o777):
        return None if value is None else int(value)
    text = str(value).strip()
    if not 0 < len(text) <= 4 or set(text) - set("01234567") or int(text, 8) > 0o777:
        raise ValueError(f"{value!r} must be octal digits, such as 660")
    return int(text, 8)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} must be true or false")
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "address": _addresses,
    "backlog": _backlog,
    "mode": _mode,
    "reuse_port": _flag,
}
