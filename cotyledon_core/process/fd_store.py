"""The service manager's file-descriptor store (sd_notify(3), ``FDSTORE=1``).

What is put there comes back through socket activation when the service is
started again. Names of ours have a slash, which those of units' sockets that
are meant for services do not have.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

PREFIX = "cotyledon/"
MOST = 253
"""Descriptors that a message can carry."""


def is_stored(name: str) -> bool:
    """Whether what was passed under this name comes from the store, put there by us."""
    return name.startswith(PREFIX)


def plain(name: str) -> str:
    """The name that it has here."""
    return name.removeprefix(PREFIX)


class Store:
    """
    :param address: the service manager's, as in ``NOTIFY_SOCKET``.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @classmethod
    def offered(cls, environment: Mapping[str, str]) -> Store | None:
        """The store, if the unit has one (``$FDSTORE``, systemd 254)."""
        limit, address = environment.get("FDSTORE", ""), environment.get("NOTIFY_SOCKET", "")
        offered = limit.isascii() and limit.isdigit() and int(limit) > 0
        return cls(address) if offered and address[:1] in ("/", "@") else None

    def put(self, name: str, descriptors: Sequence[int]) -> None:
        """Have descriptors kept; those that are there already stay.

        :raises OSError: if it cannot be told now.
        """
        for start in range(0, len(descriptors), MOST):
            # FDPOLL=0: it is not dropped for what poll(2) says of it
            text = f"FDSTORE=1\nFDNAME={PREFIX}{name}\nFDPOLL=0"
            self._send(text, descriptors[start : start + MOST])

    def remove(self, name: str) -> None:
        """Have all of this name dropped.

        :raises OSError: if it cannot be told now.
        """
        self._send(f"FDSTOREREMOVE=1\nFDNAME={PREFIX}{name}")

    def _send(self, text: str, descriptors: Sequence[int] = ()) -> None:
        import array

        carried = array.array("i", descriptors)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, carried)] if descriptors else []
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendmsg([text.encode()], ancillary, 0, self._address)
