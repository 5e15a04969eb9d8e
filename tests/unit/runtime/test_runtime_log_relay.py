"""The manager's log records arrive as the application wants them, and never hold it up.

All in children: loggers are common to the whole process.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core.runtime.helper import QUEUE_LIMIT, Helper
from cotyledon_core.runtime.log_relay import LogRelay

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the relay is forked")

InChild = Callable[[Callable[[], Any]], Any]
LOG = logging.getLogger("app")
FORMAT = "%(name)s %(levelname)s %(message)s"


class Fragile(Exception):
    """Travels one way only: unpickling it raises."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Unprintable:
    """Cannot be shown at all."""

    def __repr__(self) -> str:
        raise RuntimeError("never")

    __str__ = __repr__


class Unpicklable:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __repr__(self) -> str:
        return "<unpicklable>"


def configured(path: Path, text: str = FORMAT) -> logging.Handler:
    """The application's logging: root to a file."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(text))
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.INFO)
    return handler


def diverted() -> LogRelay:
    relay = LogRelay(congested=lambda: None)
    relay.divert()
    return relay


def finish(helper: Helper) -> None:
    """Start it if nobody has; let it read everything and end."""
    pid = helper.pid or helper.start()
    while helper.waiting and not helper.flush():
        select.select([], [helper], [], 30.0)
    helper.let_go()
    os.waitpid(pid, 0)


def relayed(path: Path, log: Callable[[], None], text: str = FORMAT) -> list[str]:
    """The lines that arrive, to be run in a child."""
    configured(path, text)
    relay = diverted()
    relay.helper.start()
    log()
    finish(relay.helper)
    return path.read_text().splitlines()


def test_records_arrive_in_order_in_the_applications_format(
    tmp_path: Path, in_child: InChild
) -> None:
    def log() -> None:
        for number in range(5):
            logging.getLogger("app.part").warning("number %d of %s", number, "some")
        LOG.debug("below the level")

    lines = in_child(lambda: relayed(tmp_path / "log", log))
    assert lines == [f"app.part WARNING number {number} of some" for number in range(5)]


def test_extra_attributes_arrive(tmp_path: Path, in_child: InChild) -> None:
    extra = {"request": "r-1", "count": 3, "thing": Unpicklable(), "tags": ["a", "b"]}
    lines = in_child(
        lambda: relayed(
            tmp_path / "log",
            lambda: LOG.warning("x", extra=extra),
            "%(request)s %(count)d %(thing)s %(tags)s %(process)d",
        )
    )
    (line,) = lines
    assert line.startswith("r-1 3 <unpicklable> ['a', 'b'] ")
    assert int(line.split()[-1]) not in (0, os.getpid())


def test_tracebacks_arrive(tmp_path: Path, in_child: InChild) -> None:
    def log() -> None:
        try:
            raise Fragile("what", "happened")
        except Fragile:
            LOG.exception("failed", stack_info=True)

    lines = in_child(lambda: relayed(tmp_path / "log", log))
    assert lines[0] == "app ERROR failed"
    assert "Traceback (most recent call last):" in lines
    assert any("what happened" in line for line in lines)
    assert any(line.startswith("Stack") for line in lines)


def test_a_record_is_relayed_once_and_handled_by_all_handlers(
    tmp_path: Path, in_child: InChild
) -> None:
    def look() -> tuple[list[str], list[str]]:
        own = logging.FileHandler(tmp_path / "own")
        LOG.addHandler(own)
        lines = relayed(tmp_path / "log", lambda: LOG.error("x"))
        return lines, (tmp_path / "own").read_text().splitlines()

    assert in_child(look) == (["app ERROR x"], ["x"])


def test_without_any_handler_the_last_resort_speaks(tmp_path: Path, in_child: InChild) -> None:
    def look() -> str:
        path = tmp_path / "stderr"
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), 2)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        logging.root.handlers = []
        relay = diverted()
        LOG.info("not this")
        LOG.warning("but this")
        finish(relay.helper)
        relay.restore()
        sys.stderr.flush()
        return path.read_text()

    assert in_child(look) == "but this\n"


def test_restore_gives_back_the_very_handlers(tmp_path: Path, in_child: InChild) -> None:
    def look() -> list[bool]:
        handler, last_resort = configured(tmp_path / "log"), logging.lastResort
        handlers = logging.root.handlers
        relay = diverted()
        found = [handler not in logging.root.handlers, logging.lastResort is not last_resort]
        relay.restore()
        relay.restore()
        found += [logging.root.handlers is handlers, handlers == [handler]]
        found += [logging.lastResort is last_resort]
        LOG.warning("direct")
        return [*found, (tmp_path / "log").read_text() == "app WARNING direct\n"]

    assert in_child(look) == [True] * 6


def test_handlers_that_the_application_set_meanwhile_stay(
    tmp_path: Path, in_child: InChild
) -> None:
    def look() -> bool:
        configured(tmp_path / "log")
        relay = diverted()
        newer = configured(tmp_path / "newer")
        relay.restore()
        return logging.root.handlers == [newer]

    assert in_child(look)


def test_forked_children_log_directly(tmp_path: Path, in_child: InChild) -> None:
    def look() -> str:
        configured(tmp_path / "log")
        relay = diverted()
        pid = os.fork()
        if pid == 0:
            LOG.warning("by the worker")
            os._exit(0)
        os.waitpid(pid, 0)
        assert not relay.helper.waiting
        return (tmp_path / "log").read_text()

    assert in_child(look) == "app WARNING by the worker\n"


def test_a_renewed_relay_uses_the_present_configuration(tmp_path: Path, in_child: InChild) -> None:
    def look() -> tuple[str, str]:
        configured(tmp_path / "old")
        relay = diverted()
        relay.helper.start()
        LOG.warning("old")
        configured(tmp_path / "new")
        old = relay.renew()
        assert old is not None
        LOG.warning("new")
        finish(old)
        finish(relay.helper)
        return (tmp_path / "old").read_text(), (tmp_path / "new").read_text()

    assert in_child(look) == ("app WARNING old\n", "app WARNING new\n")


def test_records_wait_for_a_relay_that_is_not_there_yet(tmp_path: Path, in_child: InChild) -> None:
    def look() -> tuple[int, str]:
        configured(tmp_path / "log")
        calls: list[int] = []
        relay = LogRelay(congested=lambda: calls.append(1))
        relay.divert()
        LOG.warning("early")
        assert relay.renew() is None
        finish(relay.helper)
        return len(calls), (tmp_path / "log").read_text()

    assert in_child(look) == (1, "app WARNING early\n")


def test_a_sink_that_nobody_reads_stops_nobody(in_child: InChild) -> None:
    def look() -> bool:
        _, full = os.pipe()
        handler = logging.StreamHandler(open(full, "w"))  # noqa: SIM115
        logging.root.handlers = [handler]
        relay = diverted()
        pid = relay.helper.start()
        for number in range(5 * QUEUE_LIMIT):
            LOG.warning("%d %s", number, "x" * 1000)
        bounded = relay.helper.waiting <= QUEUE_LIMIT + 1
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return bounded

    assert in_child(look)


def test_what_was_dropped_is_told_in_the_log(tmp_path: Path, in_child: InChild) -> None:
    def look() -> list[str]:
        configured(tmp_path / "log")
        relay = diverted()
        for number in range(QUEUE_LIMIT + 5):
            LOG.warning("%d", number)
        finish(relay.helper)
        return (tmp_path / "log").read_text().splitlines()

    first, second, *_, last = in_child(look)
    assert first == "cotyledon_core WARNING 5 log records were dropped, the log was too slow"
    assert (second, last) == ("app WARNING 5", f"app WARNING {QUEUE_LIMIT + 4}")


# -- what applications log


HOSTILE: dict[str, Callable[[], None]] = {
    "wrong arguments": lambda: LOG.warning("%d %d", "x"),
    "huge": lambda: LOG.warning("x" * 10_000_000),
    "surrogates": lambda: LOG.warning("\udcff"),
    "no string": lambda: LOG.warning(Unpicklable()),
    "unpicklable": lambda: LOG.warning("x", extra={"thing": Unpicklable()}),
    "unpicklable argument": lambda: LOG.warning("%s", Unpicklable()),
}


def survived(path: Path, log: Callable[[], None]) -> list[str]:
    def log_and_go_on() -> None:
        logging.raiseExceptions = False
        log()
        LOG.warning("and on")

    return relayed(path, log_and_go_on)


@pytest.mark.parametrize("what", HOSTILE)
def test_odd_records_harm_nobody(tmp_path: Path, in_child: InChild, what: str) -> None:
    lines = in_child(lambda: survived(tmp_path / "log", HOSTILE[what]))
    if what == "surrogates":
        assert "1 log records could not be written" in lines.pop()
    assert lines[-1] == "app WARNING and on"


def test_an_argument_that_cannot_be_shown_does_not_raise_in_the_manager(
    tmp_path: Path, in_child: InChild
) -> None:
    lines = in_child(lambda: survived(tmp_path / "log", lambda: LOG.warning("%s", Unprintable())))
    assert lines[-1] == "app WARNING and on"


def test_an_attribute_that_does_not_arrive_does_not_end_the_relay(
    tmp_path: Path, in_child: InChild
) -> None:
    """Many exceptions can be pickled, but not back."""
    lines = in_child(
        lambda: survived(
            tmp_path / "log", lambda: LOG.warning("x", extra={"error": Fragile("a", "b")})
        )
    )
    assert lines[-1] == "app WARNING and on"


class Fragmentary(logging.FileHandler):
    """Cannot write what is to be lost."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(path)
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if record.getMessage().startswith("lost"):
                raise self.error
        except Exception:
            self.handleError(record)
        else:
            super().emit(record)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyError("field")])
def test_what_a_handler_cannot_write_is_told_when_it_can_again(
    tmp_path: Path, in_child: InChild, error: Exception
) -> None:
    stderr = tmp_path / "stderr"

    def scenario() -> None:
        sys.stderr = stderr.open("w", buffering=1)
        logging.root.handlers = [Fragmentary(tmp_path / "log", error)]
        logging.root.setLevel(logging.INFO)
        relay = diverted()
        for message in ("before", "lost", "lost", "lost", "after", "more"):
            LOG.info(message)
        finish(relay.helper)

    in_child(scenario)
    before, after, told, more = (tmp_path / "log").read_text().splitlines()
    assert (before, after, more) == ("before", "after", "more")
    assert told.startswith("3 log records could not be written")
    assert str(error) in told
    # once, and with a traceback only if the sink is not to blame
    assert stderr.read_text().count(f"{error}\n") == 1
    assert ("Traceback" in stderr.read_text()) == isinstance(error, KeyError)


def test_what_was_lost_at_the_end_is_told_where_it_can_be(
    tmp_path: Path, in_child: InChild
) -> None:
    def scenario() -> None:
        sys.stderr = (tmp_path / "stderr").open("w", buffering=1)
        logging.root.handlers = [Fragmentary(tmp_path / "log", OSError("full"))]
        relay = diverted()
        LOG.warning("lost")
        finish(relay.helper)

    in_child(scenario)
    assert (tmp_path / "log").read_text().startswith("1 log records could not be written")
