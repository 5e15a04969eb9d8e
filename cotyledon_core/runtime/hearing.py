"""What each word of a worker means; the words are sd_notify's, and our own with ``X_``."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping

from cotyledon_core.runtime.children import WorkerProcess
from cotyledon_core.runtime.executor import listening, remains, taken_over
from cotyledon_core.supervision import messages as msg

Heard = Callable[[WorkerProcess, str], msg.Message | None]


def _signal(value: str) -> int:
    """
    :raises ValueError: if there is no such signal: it could not be sent.
    """
    number = int(value)
    if number not in signal.valid_signals():
        raise ValueError(value)
    return number


def _stop_signal(process: WorkerProcess, value: str) -> None:
    process.stop_signal = _signal(value)
    # only a program has one: Python is gone
    process.executed = True


def _reload_signal(process: WorkerProcess, value: str) -> msg.Message | None:
    return taken_over(process, None if value == "0" else _signal(value))


def _ready(process: WorkerProcess, value: str) -> msg.Message | None:
    if value != "1":
        return None
    if process.undecided:
        remains(process)
    return msg.Ready(process.incarnation)


def _listening(process: WorkerProcess, value: str) -> None:
    listening(process)


def _overran(process: WorkerProcess, value: str) -> None:
    process.wrote_dump = True


def _extended(process: WorkerProcess, value: str) -> msg.Message:
    return msg.TimeoutExtended(process.incarnation, int(value) / 1e6)


def _beat(process: WorkerProcess, value: str) -> msg.Message | None:
    return msg.Beat(process.incarnation, time.monotonic()) if value == "1" else None


def _start_error(process: WorkerProcess, value: str) -> None:
    process.start_error = value


def _error(process: WorkerProcess, value: str) -> None:
    process.error = value


def _log_level(process: WorkerProcess, value: str) -> None:
    number, _, answer = value.partition("\t")
    if int(number) in process.answers:
        process.answers = {**process.answers, int(number): answer}


HEARD: Mapping[str, Heard] = {
    "READY": _ready,
    "STATUS": lambda process, value: msg.StatusTold(process.incarnation, value),
    "WATCHDOG": _beat,
    "EXTEND_TIMEOUT_USEC": _extended,
    "X_OVERRUN": _overran,
    "X_ERROR": _error,
    "X_GRACE": lambda process, value: msg.GraceAnnounced(process.incarnation, float(value)),
    "X_RELOADED": lambda process, value: msg.Reloaded(process.incarnation),
    "X_LEAVE": lambda process, value: msg.LeaveAsked(process.incarnation),
    "X_RECYCLE": lambda process, value: msg.RecycleAsked(process.incarnation, value),
    "X_LISTENING": _listening,
    "X_LOG_LEVEL": _log_level,
    "X_STOP_SIGNAL": _stop_signal,
    "X_RELOAD_SIGNAL": _reload_signal,
    "X_START_ERROR": _start_error,
}
