"""Levels of loggers that operators set: the list of orders, its text, and what a process holds."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.log_levels import EVERY, LEVELS, RESET, Held, Note, Order, levels_of, ordered

WEB, API = "a" * 32, "b" * 32
NAMES = st.text(max_size=30).filter(str.isprintable)
ORDERS = st.builds(
    Order,
    st.sampled_from([EVERY, WEB, API]),
    st.sampled_from([EVERY, "0", "1"]),
    st.sampled_from(["", "x", "x.y"]),
    st.sampled_from([*LEVELS, RESET]),
)


def test_a_later_order_stands_above_an_earlier_one() -> None:
    orders: tuple[Order, ...] = ()
    for order in (
        Order(WEB, "1", "x", "INFO"),
        Order(WEB, EVERY, "x", "DEBUG"),
        Order(WEB, "2", "x", "ERROR"),
        Order(WEB, "3", "x", RESET),
        Order(EVERY, EVERY, "", "ERROR"),
    ):
        orders = ordered(orders, order)
    assert Order(WEB, "1", "x", "INFO") not in orders
    found = [levels_of(orders, WEB, str(worker)).get("x") for worker in range(4)]
    assert found == ["DEBUG", "DEBUG", "ERROR", None]
    assert levels_of(orders, API, "0") == {"": "ERROR"}


@given(st.lists(ORDERS, max_size=12))
def test_the_short_list_means_what_the_whole_means(given_orders: list[Order]) -> None:
    short: tuple[Order, ...] = ()
    for order in given_orders:
        short = ordered(short, order)
    assert len(short) == len({(each.service, each.worker, each.logger) for each in short})
    for service in (WEB, API):
        for worker in ("0", "1", "2"):
            assert levels_of(short, service, worker) == levels_of(given_orders, service, worker)


@given(st.lists(ORDERS, max_size=12))
def test_a_reset_of_all_leaves_nothing(given_orders: list[Order]) -> None:
    orders = tuple(each for each in given_orders if each.logger == "x")
    assert ordered(orders, Order(EVERY, EVERY, "x", RESET)) == ()


@given(st.lists(ORDERS, max_size=5), NAMES, st.dictionaries(st.integers(0), NAMES, max_size=5))
def test_a_note_is_understood(
    given_orders: list[Order], name: str, questions: dict[int, str]
) -> None:
    note = Note((*given_orders, Order(WEB, "7", name, "INFO")), questions)
    assert Note.decode(note.encode()) == note


def test_no_note_is_an_empty_one() -> None:
    assert Note.decode(b"") == Note()


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.getLogger("test_log_levels.x")
    made.setLevel("WARNING")
    yield made
    made.setLevel(logging.NOTSET)


def test_what_is_held_is_let_go(logger: logging.Logger) -> None:
    held = Held()
    held.hold({logger.name: "DEBUG"})
    held.hold({logger.name: "INFO"})
    assert (logger.level, bool(held)) == (logging.INFO, True)
    held.hold({})
    assert (logger.level, bool(held)) == (logging.WARNING, False)
    held.set(logger.name, RESET)
    assert logger.level == logging.WARNING


def test_what_the_application_sets_meanwhile_holds_afterwards(logger: logging.Logger) -> None:
    held = Held()
    held.hold({logger.name: "DEBUG"})
    logger.setLevel("ERROR")
    held.hold({logger.name: "DEBUG"})
    assert logger.level == logging.DEBUG
    held.hold({})
    assert logger.level == logging.ERROR
    held.hold({logger.name: "DEBUG"})
    logger.setLevel("CRITICAL")
    held.hold({})
    assert logger.level == logging.CRITICAL


def test_what_was_never_set_is_left_alone() -> None:
    """A logger that is made stays for good."""
    name = "test_log_levels.no.such"
    Held().set(name, RESET)
    assert name not in logging.root.manager.loggerDict


def test_logging_is_loaded_when_there_is_something_to_set() -> None:
    code = """
import sys
from cotyledon_core.log_levels import HELD, Note, levels_of
HELD.hold(levels_of(Note.decode(b"= - - DEBUG x\\n? 1 y").orders[1:], "a", "0"))
before = "logging" in sys.modules
HELD.hold({"x": "DEBUG"})
print(before, "logging" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
