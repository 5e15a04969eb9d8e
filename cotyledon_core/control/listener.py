"""The socket in the file system: taken at the start, removed at the end.

A socket that nobody listens at any more is replaced. One at which another
manager listens is left to it, and this one must not start: both would run the
same services. Between looking and taking, the directory is locked against
others that do the same.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import time
from collections.abc import Iterator

from cotyledon_core.control.access import peer_of
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.process.descriptors import close_private, keep_private

BACKLOG = 128
LONGEST_PATH = 107
"""Bytes that the system takes."""
LOCK_PATIENCE = 1.0
"""Seconds that others have to take theirs; nothing is supervised yet."""
LOCK_PAUSE = 0.02


class InUse(Exception):
    """Another manager listens there.

    :param pid: its process id, as the kernel says.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(f"the manager with pid {pid} listens there")
        self.pid = pid


class Unusable(Exception):
    """No socket can be had there."""


def expanded(path: str, name: str, uid: int) -> str:
    """The path of a socket, ``{name}`` and ``{uid}`` replaced."""
    plain = name.replace("/", "_").lstrip(".") or "manager"
    return path.replace("{name}", plain).replace("{uid}", str(uid))


class Listener:
    """A listening socket of the manager's own; see the module's description.

    :raises InUse: if another manager listens there.
    :raises Unusable: if it cannot be made for another reason.
    """

    def __init__(self, path: str, settings: ControlSettings) -> None:
        self.path = os.path.abspath(path)
        size = len(os.fsencode(self.path))
        if size > LONGEST_PATH:
            raise Unusable(f"the path has {size} bytes, {LONGEST_PATH} is the most")
        try:
            with _locked(os.path.dirname(self.path)):
                _clear(self.path)
                self._socket = _listening(self.path, settings)
        except OSError as error:
            raise Unusable(error.strerror or str(error)) from error
        keep_private(self._socket.fileno())
        self._inode = _inode(self.path)

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> socket.socket:
        """The next connection, which does not block.

        :raises BlockingIOError: if there is none.
        :raises OSError: if it cannot be taken now.
        """
        connected, _ = self._socket.accept()
        connected.setblocking(False)
        return connected

    def close(self) -> None:
        """Remove the socket, if what stands there is still ours."""
        if self._inode is not None and _inode(self.path) == self._inode:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        close_private(self._socket.detach())


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _locked(directory: str) -> Iterator[None]:
    """Others that want a socket in the directory wait; where it cannot be locked they do not."""
    import fcntl

    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        yield
        return
    try:
        until = time.monotonic() + LOCK_PATIENCE
        while time.monotonic() < until:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(LOCK_PAUSE)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)


def _clear(path: str) -> None:
    """Remove a socket that was left there.

    :raises InUse: if somebody listens at it.
    :raises Unusable: if it is something else, or not ours to judge.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Unusable("what stands there is no socket, and is left alone")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.setblocking(False)
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except FileNotFoundError:
            return
        except BlockingIOError:
            # somebody is slow to accept, and cannot be asked who
            raise InUse(0) from None
        raise InUse(peer_of(trial).pid)


def _listening(path: str, settings: ControlSettings) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # nobody else may connect until it has its group and mode
        os.fchmod(made.fileno(), 0o600)
        made.bind(path)
        try:
            if settings.group is not None:
                os.chown(path, -1, settings.group)
            os.chmod(path, settings.mode)
            made.listen(BACKLOG)
        except OSError:
            os.unlink(path)
            raise
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


TEMPORARY = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Why a connection is not accepted now, but may be later."""
