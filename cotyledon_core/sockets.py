"""The listening sockets that a worker was given, by name."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping


class Sockets(Mapping[str, socket.socket]):
    """What :attr:`.Service.sockets` is.

    The blocking mode belongs to the socket itself, which the workers share: set it
    (``setblocking()``, ``settimeout()``) before use, to the same in all of them.

    :param descriptors: names, each with a descriptor that is this process's own from now on; a
        name may come several times.
    """

    def __init__(self, descriptors: Iterable[tuple[str, int]] = ()) -> None:
        self._by_name: dict[str, tuple[socket.socket, ...]] = {}
        for name, descriptor in descriptors:
            made = socket.socket(fileno=descriptor)
            self._by_name[name] = (*self._by_name.get(name, ()), made)

    def __getitem__(self, name: str) -> socket.socket:
        """The socket of that name; the first one, if there are several."""
        return self.all(name)[0]

    def all(self, name: str) -> tuple[socket.socket, ...]:
        """All sockets of that name, in their order; one at least.

        :raises KeyError: if the service has not asked for it.
        """
        try:
            return self._by_name[name]
        except KeyError:
            has = ", ".join(self._by_name) or "none"
            raise KeyError(f"no socket {name!r}; the service's option sockets has {has}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return f"<Sockets {', '.join(self._by_name) or 'none'}>"
