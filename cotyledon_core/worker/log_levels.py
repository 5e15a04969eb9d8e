"""Levels of loggers that operators set in this worker while it runs.

The manager writes a note that all workers can read, and sends those that it concerns SIGURG.
Each brings its loggers to what the note says, which holds for the worker's next process, too.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from time import sleep

from cotyledon_core.log_levels import HELD, Note, levels_of, shown
from cotyledon_core.process.board import Board, Place
from cotyledon_core.process.signals import SIGURG, Signals
from cotyledon_core.worker import ending
from cotyledon_core.worker.assignment import Assignment
from cotyledon_core.worker.manager_link import ManagerLink

ATTEMPTS = 100
PAUSE = 0.001
"""Seconds, until the manager has written the note to its end."""
_lock = allocate_lock()
_next = allocate_lock()
"""Held for whoever will read the note as soon as the other is done."""


def wanted(place: Place) -> bool:
    """Whether a process that begins now may have levels other than the application's."""
    return place.noted or bool(HELD)


def begin(assignment: Assignment, link: ManagerLink, signals: Signals) -> None:
    """Before the service is made, and once more when it is."""
    HELD.hold({})  # a fork has brought along the manager's
    _take_up(assignment, link)
    hold_again(signals)


def hold_again(signals: Signals) -> None:
    """Have the main thread see to it, if the application may have set other levels."""
    if HELD and SIGURG is not None:
        signals.post(SIGURG)


def take_up(assignment: Assignment, link: ManagerLink) -> None:
    """Do what the note says, and answer what it asks, on a thread: a lock may be waited for."""
    if not _next.acquire(blocking=False):
        return  # the one that waits will find the same
    try:
        start_new_thread(_take_up_next, (assignment, link))
    except RuntimeError:  # no more threads: it has not answered, and goes on
        _next.release()


def _take_up_next(assignment: Assignment, link: ManagerLink) -> None:
    with _lock:
        _next.release()
        _take_up(assignment, link)


def _take_up(assignment: Assignment, link: ManagerLink) -> None:
    try:
        note = _read(link.place.board)
        if note is not None:
            _obey(note, assignment, link)
    except Exception as error:
        ending.log_exception("the change of log levels", error)


def _read(board: Board | None) -> Note | None:
    """The note; None if there is none to be had."""
    if board is None:
        return None
    for _ in range(ATTEMPTS):
        try:
            return Note.decode(board.read_note())
        except ValueError:
            sleep(PAUSE)
        except OSError:
            break
    return None


def _obey(note: Note, assignment: Assignment, link: ManagerLink) -> None:
    service, worker = assignment.service_id.hex, str(assignment.worker_id)
    HELD.hold(levels_of(note.orders, service, worker))
    for number, name in note.questions.items():
        level, effective = shown(name)
        link.tell(f"X_LOG_LEVEL={number}\t{level}\t{effective}")
