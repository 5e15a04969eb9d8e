"""The manager's log records leave through a helper, the log relay.

A full pipe or a stuck disk behind a log handler would stop supervision, so
while the manager runs, every logger's handlers are replaced by one that hands
the records to a helper process. The helper, and every other process that is
forked from the manager, gets the application's own handlers back.

The helper is forked when the manager has nothing more urgent to do, and anew
after a reload, in which the application may have configured its logging
differently; until then records wait.

A record has the name of its process, for which logging asks multiprocessing if
that is loaded.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing.process  # noqa: F401
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cotyledon_core.exceptions import shown
from cotyledon_core.runtime.helper import Dropped, Helper, Receive
from cotyledon_core.runtime.stderr_capture import Lines, Piece

TEXT_LIMIT = 64 * 1024
PIECES_WAITING = 100
"""So many messages may wait for the helper when a piece of standard error comes."""

_diverted: LogRelay | None = None


class RelayHandler(logging.Handler):
    """Hands records to the relay; in the manager process only."""

    def __init__(self, relay: LogRelay, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._relay = relay

    def emit(self, record: logging.LogRecord) -> None:
        # a record passes the handlers of its logger and of those above it
        if "_relayed" not in record.__dict__:
            self._relay.put(portable(record))
            record.__dict__["_relayed"] = True


def portable(record: logging.LogRecord) -> dict[str, Any]:
    """The record's attributes, as far as they travel between processes."""
    values = dict(record.__dict__)
    try:
        values["msg"] = record.getMessage()[:TEXT_LIMIT]
    except BaseException as error:
        problem = f"{shown(record.msg)} % {shown(record.args)}: {shown(error)}"
        values["msg"] = problem[:TEXT_LIMIT]
    values["args"] = None
    if record.exc_info and not record.exc_text:
        values["exc_text"] = logging.Formatter().formatException(record.exc_info)
    values["exc_info"] = None
    return {key: _travels(value) for key, value in values.items()}


def _travels(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    try:
        pickle.dumps(value)
    except BaseException:
        return shown(value)
    return value


class LogRelay:
    """Diverts the manager's logging to a helper.

    :param congested: called, from any thread, when records wait for the loop.
    """

    def __init__(self, congested: Callable[[], None]) -> None:
        self.helper = Helper("log relay", _relay)
        self._congested = congested
        self._saved: list[tuple[logging.Logger, list[logging.Handler]]] = []
        self._last_resort: logging.Handler | None = None
        self._handler = RelayHandler(self)

    def put_piece(self, piece: Piece) -> bool:
        """Take in a piece of a worker's standard error, unless that might displace records.

        The last one of a worker is taken in any case, if need be without its content.
        """
        fits = self.helper.waiting < PIECES_WAITING
        if fits or piece.last:
            self.put(piece if fits else piece.without_content())
        return fits

    def put(self, record: Any) -> None:
        """Take in a record or a piece."""
        self.helper.put(record)
        if not self.helper.fed or not self.helper.flush():
            self._congested()

    def divert(self) -> None:
        """Put the relay in the place of all handlers."""
        global _diverted
        for logger in _loggers():
            if logger.handlers and logger.handlers != [self._handler]:
                self._saved.append((logger, logger.handlers))
                logger.handlers = [self._handler]
        if logging.lastResort is not None and not isinstance(logging.lastResort, RelayHandler):
            self._last_resort = logging.lastResort
            logging.lastResort = RelayHandler(self, logging.lastResort.level)
        _diverted = self

    def restore(self) -> None:
        """Give the loggers their handlers back, except where others were set since."""
        global _diverted
        for logger, handlers in self._saved:
            if logger.handlers == [self._handler]:
                logger.handlers = handlers
        self._saved.clear()
        if self._last_resort is not None:
            logging.lastResort = self._last_resort
            self._last_resort = None
        _diverted = None

    def restore_in_child(self) -> None:
        """The same, in few steps: every worker passes here."""
        for logger, handlers in self._saved:
            logger.handlers = handlers
        if self._last_resort is not None:
            logging.lastResort = self._last_resort

    def renew(self) -> Helper | None:
        """Take up the application's present logging; return the helper to be let go."""
        self.restore()
        self.divert()
        if self.helper.pid is None:
            return None
        old, self.helper = self.helper, Helper("log relay", _relay)
        return old


def _loggers() -> Iterator[logging.Logger]:
    yield logging.root
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger


def _restore_in_child() -> None:
    global _diverted
    if _diverted is not None:
        _diverted.restore_in_child()
        _diverted = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restore_in_child)


class _Sink:
    """The application's handlers, in the helper: what they cannot write is counted and told.

    Standard error is told at the first, the log when it takes records again.
    """

    def __init__(self) -> None:
        self._lost = 0
        self._failed = False
        """Whether a handler could not write the present record."""
        self._why = ""
        for logger in _loggers():
            for handler in logger.handlers:
                self._look_after(handler)
        if logging.lastResort is not None:
            self._look_after(logging.lastResort)

    def _look_after(self, handler: logging.Handler) -> None:
        handle_error = handler.handleError
        is_own = type(handler).handleError is not logging.Handler.handleError

        def failed(record: logging.LogRecord) -> None:
            error = sys.exc_info()[1]
            self._failed = True
            self._why = str(error) if isinstance(error, OSError) else shown(error)
            if is_own or not (self._lost or isinstance(error, OSError)):
                handle_error(record)
            elif logging.raiseExceptions and not self._lost:
                # there may be none, or it is what cannot be written
                with contextlib.suppress(Exception):
                    sys.stderr.write(f"the log cannot be written: {self._why}\n")

        handler.handleError = failed  # type: ignore[method-assign]

    def write(self, log: Callable[[], None]) -> None:
        """Log something."""
        if self._succeeds(log):
            self.tell()
        else:
            self._lost += 1

    def tell(self) -> None:
        """Say what was lost, if anything was."""
        text = "%d log records could not be written: %s"
        warn = partial(logging.getLogger("cotyledon_core").warning, text, self._lost, self._why)
        if self._lost and self._succeeds(warn):
            self._lost = 0

    def _succeeds(self, log: Callable[[], None]) -> bool:
        self._failed = False
        log()
        return not self._failed


def _relay(receive: Receive) -> None:
    """The helper's work: handle each record with the application's handlers."""
    sink, lines = _Sink(), Lines()
    with contextlib.suppress(EOFError):
        while True:
            message = receive(None)
            if isinstance(message, Piece):
                for line in lines.of(message):
                    sink.write(partial(_of_worker, line))
            elif isinstance(message, Dropped):
                text = "%d log records were dropped, the log was too slow"
                sink.write(
                    partial(logging.getLogger("cotyledon_core").warning, text, message.count)
                )
            else:
                record = logging.makeLogRecord(message)
                sink.write(partial(logging.getLogger(record.name).handle, record))
    for line in lines.rest():
        sink.write(partial(_of_worker, line))
    sink.tell()
    logging.shutdown()


def _of_worker(line: str) -> None:
    logging.getLogger("cotyledon_core.stderr").warning("%s", line)
