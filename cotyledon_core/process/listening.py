"""Listening sockets of the manager's: opened, recognised, and closed again.

They are the manager's own descriptors; those who may have them are lent them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import Any

from cotyledon_core.listening import Address, Listening
from cotyledon_core.process.descriptors import close_private, keep_private
from cotyledon_core.record import Record


class Open(Record):
    """A socket that is open."""

    descriptor: int
    address: Address | None = None
    """Where the manager has bound it; None for one that was passed."""
    file: tuple[int, int] | None = None
    """Device and inode of the file that it has made."""

    def close(self, *, unlink: bool) -> None:
        """
        :param unlink: remove its file, if that is still its own.
        """
        close_private(self.descriptor)
        if unlink and self.address is not None and self.file is not None:
            with contextlib.suppress(OSError):
                if _identity(self.address.path) == self.file:
                    os.unlink(self.address.path)


def adopt(descriptor: int) -> None:
    """Make a descriptor the manager's own, which no program inherits.

    :raises OSError: if there is no such descriptor.
    """
    os.set_inheritable(descriptor, False)
    keep_private(descriptor)


def fault(descriptor: int) -> str | None:
    """What keeps a descriptor that was passed from being a socket to serve on."""
    try:
        with _looked_at(descriptor) as found:
            if found.type == socket.SOCK_DGRAM or _listens(found):
                return None
            return "is a socket that does not listen (Accept=yes in its unit?)"
    except OSError as error:
        return f"is no socket ({error.strerror})"


def listen(address: Address, listening: Listening) -> Open:
    """Bind and listen.

    :raises OSError: if the system refuses.
    """
    unix = bool(address.path)
    if unix and not hasattr(socket, "AF_UNIX"):
        raise OSError("this platform has no Unix sockets")
    if address.is_file:
        _remove_stale(address.path)
    family = socket.AF_UNIX if unix else socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with contextlib.ExitStack() as opened:
        made = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
        if not unix and os.name == "posix":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # so that 0.0.0.0 and [::] go together
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if listening.reuse_port:
            if not hasattr(socket, "SO_REUSEPORT"):
                raise OSError("this platform has no reuse_port")
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with _file_mode(listening.mode):
            made.bind(_system_address(address))
        made.listen(listening.backlog)
        opened.pop_all()
    descriptor = made.detach()
    keep_private(descriptor)
    return Open(descriptor, address, _identity(address.path) if address.is_file else None)


def take_back(descriptor: int, address: Address, listening: Listening) -> Open | None:
    """One that was kept, with its settings as they are now; None if it is bound elsewhere."""
    try:
        with _looked_at(descriptor) as found:
            if not _listens(found) or not _is_bound_to(found, address):
                return None
            found.listen(listening.backlog)
        file = _identity(address.path) if address.is_file else None
        if file is not None and listening.mode is not None:
            os.chmod(address.path, listening.mode)
    except OSError:  # no socket, or nobody could find it any more
        return None
    return Open(descriptor, address, file)


@contextlib.contextmanager
def _looked_at(descriptor: int) -> Any:
    found = socket.socket(fileno=descriptor)
    try:
        yield found
    finally:
        found.detach()


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _is_bound_to(found: socket.socket, address: Address) -> bool:
    name = found.getsockname()
    if address.path or isinstance(name, (str, bytes)):
        return bool(address.path) and name == _system_address(address)
    return name[0] == address.host and address.port in (0, name[1])


def _system_address(address: Address) -> Any:
    if not address.path:
        return address.host, address.port
    # the system tells abstract names as bytes
    return address.path if address.is_file else b"\0" + address.path[1:].encode()


@contextlib.contextmanager
def _file_mode(mode: int | None) -> Any:
    """So that the socket never has another one; the umask is the process's."""
    if mode is None:
        yield
        return
    before = os.umask(0o777 & ~mode)
    try:
        yield
    finally:
        os.umask(before)


def _identity(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _remove_stale(path: str) -> None:
    """Remove a socket's file that nobody listens to any more."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            with contextlib.suppress(OSError):
                os.unlink(path)
        except OSError:
            pass
