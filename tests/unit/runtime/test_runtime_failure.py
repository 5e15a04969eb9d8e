"""What is told of a manager that ends by an error."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from cotyledon_core import ConfigurationError
from cotyledon_core.exceptions import WorkerStartError
from cotyledon_core.runtime import failure


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


IN_USE = OSError(errno.EADDRINUSE, "Address already in use")
FAULTS = ConfigurationError(["[a] b: is wrong", "[c] d: is missing"])


@pytest.mark.parametrize(
    ("error", "text", "number"),
    [
        (FAULTS, "[a] b: is wrong; [c] d: is missing", None),
        (IN_USE, repr(IN_USE), errno.EADDRINUSE),
        (caused(ConfigurationError(["[socket:a]: no"]), IN_USE), "[socket:a]: no", 98),
        (caused(WorkerStartError("none"), caused(ValueError(1), IN_USE)), "none", 98),
        (ValueError("x"), "ValueError('x')", None),
        (KeyboardInterrupt(), "KeyboardInterrupt()", None),
        (OSError("of no number"), "OSError('of no number')", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_last_event_says_why(error: BaseException, text: str, number: int | None) -> None:
    event = failure.stopped_by(error)
    assert (event.status, event.error, event.errno) == (1, text, number)
    assert str(event) == f"manager stopped, exit status 1: {text}"


def test_without_anybody_to_tell_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with pytest.raises(ConfigurationError), failure.told():
        raise FAULTS


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets")
def test_systemd_is_told_where_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "s"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "s"))
        receiver.setblocking(False)
        with failure.told():
            pass
        with pytest.raises(BlockingIOError):
            receiver.recv(4096)
        with pytest.raises(ConfigurationError), failure.told():
            raise FAULTS
        assert receiver.recv(4096).decode().splitlines() == [
            "STATUS=failed with exit status 1: [a] b: is wrong; [c] d: is missing",
            "EXIT_STATUS=1",
        ]
