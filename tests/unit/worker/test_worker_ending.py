"""The end of a worker process."""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cotyledon_core.service import Service
from cotyledon_core.types import WorkerId
from cotyledon_core.worker import ending, lifecycle

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="ends are tried in forked children")


class Odd:
    """Cannot be printed."""

    def __str__(self) -> str:
        raise ValueError("x")


@pytest.mark.parametrize(
    ("code", "status", "printed"),
    [
        (None, 0, ""),
        (0, 0, ""),
        (1, 1, ""),
        (3, 3, ""),
        (255, 255, ""),
        (256, 0, ""),
        (-1, 255, ""),
        (True, 1, ""),
        (False, 0, ""),
        ("text", 1, "text\n"),
        ("", 1, "\n"),
        (1.5, 1, "1.5\n"),
        ((1, 2), 1, "(1, 2)\n"),
        (Odd(), 1, ""),
    ],
)
def test_what_system_exit_stands_for(
    code: object, status: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = SystemExit()
    error.code = code  # type: ignore[assignment]
    assert ending.exit_status(error) == status
    assert capsys.readouterr().err == printed


def test_a_closed_standard_error_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert ending.exit_status(SystemExit("text")) == 1


def status_of(act: Callable[[], object]) -> int:
    """The exit status of a child that does this."""
    pid = os.fork()
    if pid == 0:
        try:
            atexit._clear()
            logging.root.handlers = []
            act()
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@posix
@pytest.mark.parametrize("status", [0, 1, 77, 255])
def test_the_status_is_the_processs(status: int) -> None:
    assert status_of(lambda: ending.end(status)) == status


@posix
def test_exit_callbacks_run_and_streams_are_flushed(tmp_path: Path) -> None:
    path = tmp_path / "out"

    def act() -> None:
        sys.stdout = path.open("w")
        handler = logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout))
        logging.root.addHandler(handler)
        atexit.register(print, "exit callback")
        logging.getLogger("app").warning("logged")
        print("printed")
        ending.end(4)

    assert status_of(act) == 4
    assert sorted(path.read_text().split("\n")) == ["", "exit callback", "logged", "printed"]


@posix
def test_from_any_thread_whatever_the_others_do() -> None:
    def act() -> None:
        threading.Thread(target=ending.end, args=(5,)).start()
        threading.Event().wait()

    assert status_of(act) == 5


@posix
@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_exit_callbacks_that_raise_change_nothing(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("x")

    def act() -> None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        atexit.register(fail)
        ending.end(6)

    assert status_of(act) == 6


def test_an_exception_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError("what")
    except KeyError as error:
        ending.log_exception("run of web(0)", error)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "run of web(0)" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


# -- a process that is no worker


def test_who_is_no_worker_is_heard_by_nobody() -> None:
    assert lifecycle.current() is None
    service = Service(WorkerId(0))
    service.notify_ready()
    service.heartbeat()
    service.extend_timeout(5.0)
    service.status("at work")
    assert service.stop_deadline is None


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_an_impossible_extension_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        Service(WorkerId(0)).extend_timeout(seconds)
