"""Who may ask the dashboard for something: judgements over values.

A browser sends requests for any page that it shows. So a request has to name a host that is ours
(or a page whose name was made to lead here could read the answers), and one that changes something
must not come from another page. Who knows the token signs in, and has a cookie from then on.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import deque
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

Literal = IPv4Address | IPv6Address

SESSION_SECONDS = 12 * 3600
SHORTEST_TOKEN = 8
"""Characters."""
LONG_TOKEN = 32
"""Characters, of which nobody tries all."""
_ROUNDS = 100_000
"""Of the derivation of a key: a cookie must not make it cheap to try tokens."""

_AUTHORITY = re.compile(
    r"(?:\[(?P<literal>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?))"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.IGNORECASE | re.ASCII,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Authority(NamedTuple):
    """A host and a port, as they stand in an address of the web."""

    host: str
    """In small letters; a literal of IPv6 without its brackets."""
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Authority:
        """
        :raises ValueError: if it is none.
        """
        match = _AUTHORITY.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} must be a host's name or address, with a port or without")
        literal, name, port = match.group("literal", "name", "port")
        if port is not None and int(port) > 65535:
            raise ValueError(f"{text!r}: a port is at most 65535")
        host = str(IPv6Address(literal)) if literal else name.lower()
        return cls(host, None if port is None else int(port))

    @property
    def literal(self) -> Literal | None:
        """The IP address that the host is, if it is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether it leads to the machine itself."""
        literal = self.literal
        return self.host == "localhost" if literal is None else literal.is_loopback

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse_address(text: str) -> Authority:
    """Where to listen, such as ``127.0.0.1:9180`` or ``[::1]:9180``.

    :raises ValueError: if it is neither.
    """
    try:
        address = Authority.parse(text)
    except ValueError:
        address = Authority("")
    if address.literal is None or address.port is None:
        raise ValueError(
            f"{text!r} must be an IP address and a port up to 65535, such as 127.0.0.1:9180 or "
            "[::1]:9180; 0.0.0.0 is all addresses of IPv4, [::] all of IPv6"
        )
    return address


class Hosts:
    """The hosts that requests may name.

    :param addresses: where the dashboard listens.
    :param names: further ones, such as a reverse proxy's; without a port they stand for any.
    """

    def __init__(self, addresses: Sequence[Authority], names: Iterable[str]) -> None:
        literals = {address.literal for address in addresses}
        self._literals = literals - {None}
        self._any_literal = any(each and each.is_unspecified for each in literals)
        self._names = set(map(Authority.parse, names))

    def allow(self, header: str) -> bool:
        """Whether a ``Host`` header names us."""
        try:
            host = Authority.parse(header)
        except ValueError:
            return False
        if host in self._names or host._replace(port=None) in self._names:
            return True
        # the port may be another one, of a tunnel; no name leads a browser astray here
        literal = host.literal
        return host.is_loopback or (
            literal is not None and (self._any_literal or literal in self._literals)
        )


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page of this ``Origin`` is ours, by the ``Host`` of its request."""
    scheme, _, authority = origin.partition("://")
    default = _DEFAULT_PORTS.get(scheme)
    if default is None:
        return False
    try:
        page, asked = Authority.parse(authority), Authority.parse(host)
    except ValueError:
        return False
    ports = {default if each.port is None else each.port for each in (page, asked)}
    return page.host == asked.host and len(ports) == 1


class Token:
    """What has to be known to do something.

    :param text: of :data:`SHORTEST_TOKEN` characters or more.
    """

    def __init__(self, text: str) -> None:
        self._token = _bytes(text)
        self._key = hashlib.pbkdf2_hmac("sha256", self._token, b"cotyledon-dashboard", _ROUNDS)

    @property
    def is_long(self) -> bool:
        """Whether it is not found by trying, so that wrong ones need not keep its owner out."""
        return len(self._token) >= LONG_TOKEN

    def matches(self, text: str) -> bool:
        """Whether it is the same."""
        return hmac.compare_digest(self._token, _bytes(text))

    def sign(self, expires: int, session: str) -> str:
        """A session's value, for a cookie.

        :param expires: in seconds since the epoch.
        :param session: its name, which no other has.
        """
        text = f"{expires}.{session}"
        return f"{text}.{self._signature(text)}"

    def has_signed(self, value: str, now: float) -> bool:
        """Whether a cookie's value is that of a session that has not expired."""
        text, _, signature = value.rpartition(".")
        if not hmac.compare_digest(_bytes(self._signature(text)), _bytes(signature)):
            return False
        return now < _expires(value)

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, _bytes(text), "sha256").hexdigest()


class Ended:
    """The sessions that were signed out, until they expire; of too many the last ones.

    :param limit: how many at the most.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._sessions: dict[str, None] = {}

    def add(self, session: str, now: float) -> None:
        """
        :param session: its signed value.
        :param now: in seconds since the epoch.
        """
        going = {each: None for each in self._sessions if now < _expires(each)}
        going[session] = None
        self._sessions = dict.fromkeys(list(going)[-self._limit :])

    def __contains__(self, session: str) -> bool:
        return session in self._sessions


class Attempts:
    """Bounds how often wrong tokens may be tried, whoever it is.

    :param limit: how many within the period.
    :param period: seconds.
    """

    def __init__(self, limit: int = 5, period: float = 60.0) -> None:
        self._period = period
        self._failed: deque[float] = deque(maxlen=limit)

    def may_try(self, now: float) -> bool:
        """
        :param now: monotonic seconds.
        """
        full = len(self._failed) == self._failed.maxlen
        return not full or now - self._failed[0] >= self._period

    def fail(self, now: float) -> None:
        """Note a wrong one."""
        self._failed.append(now)


def _expires(session: str) -> int:
    """In seconds since the epoch, of a session that is ours."""
    return int(session.partition(".")[0])


def _bytes(text: str) -> bytes:
    # any text may come
    return text.encode(errors="surrogatepass")
