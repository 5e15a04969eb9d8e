"""A forked process is a correct child in multiprocessing's eyes."""

from __future__ import annotations

import importlib
import multiprocessing
import multiprocessing.process
import multiprocessing.util
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cotyledon_core import log
from cotyledon_core.process import contexts, multiprocessing_child, report
from cotyledon_core.process.multiprocessing_child import ChildIdentity

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")

InChild = Callable[[Callable[[], Any]], Any]


class Noting:
    """What finalizers and callbacks note."""

    def __init__(self) -> None:
        self.notes: list[str] = []


def assumed(look: Callable[[], Any], name: str = "web(3)") -> Callable[[], Any]:
    """To be run in a child: assume the identity that was made here, then look."""
    reader, _ = _pipe()
    identity = ChildIdentity(name, reader)

    def run() -> Any:
        identity.assume()
        return look()

    return run


_pipes: list[tuple[int, int]] = []


def _pipe() -> tuple[int, int]:
    _pipes.append(os.pipe())
    return _pipes[-1]


@pytest.fixture(autouse=True)
def _close_pipes() -> Any:
    yield
    while _pipes:
        for end in _pipes.pop():
            os.close(end)


def test_current_and_parent_process(in_child: InChild) -> None:
    def look() -> tuple[Any, ...]:
        current, parent = multiprocessing.current_process(), multiprocessing.parent_process()
        assert parent is not None
        return (
            current.name,
            current.pid == os.getpid(),
            current.is_alive(),
            parent.name,
            parent.pid,
            parent.is_alive(),
        )

    assert in_child(assumed(look)) == (
        "web(3)",
        True,
        True,
        multiprocessing.current_process().name,
        os.getpid(),
        True,
    )
    assert multiprocessing.parent_process() is None, "the manager is untouched"


def test_the_parents_children_are_not_ours(in_child: InChild) -> None:
    context = multiprocessing.get_context("fork")
    sibling = context.Process(target=int)
    sibling.start()
    assert in_child(assumed(multiprocessing.active_children)) == []
    sibling.join()


def test_a_child_may_have_children_of_its_own(in_child: InChild) -> None:
    def look() -> int | None:
        grandchild = multiprocessing.get_context("fork").Process(target=sys.exit, args=(7,))
        grandchild.start()
        grandchild.join()
        return grandchild.exitcode

    assert in_child(assumed(look)) == 7


def test_callbacks_after_a_fork_run(in_child: InChild) -> None:
    noting = Noting()
    multiprocessing.util.register_after_fork(noting, lambda found: found.notes.append("forked"))
    assert in_child(assumed(lambda: noting.notes)) == ["forked"]
    assert noting.notes == []


def test_a_queue_of_the_managers_works(in_child: InChild) -> None:
    queue = multiprocessing.get_context("fork").Queue()
    queue.put("made by the manager")
    queue.put("and another")
    assert queue.get(timeout=30) == "made by the manager"

    def look() -> Any:
        queue.put("made by the worker")
        multiprocessing_child.finish()

    in_child(assumed(look))
    assert {queue.get(timeout=30) for _ in range(2)} == {"and another", "made by the worker"}
    queue.close()
    queue.join_thread()


def test_inherited_finalizers_are_forgotten_and_own_ones_run(in_child: InChild) -> None:
    notes: list[str] = []
    inherited = multiprocessing.util.Finalize(
        None, notes.append, args=("the manager's",), exitpriority=1
    )

    def look() -> list[str]:
        multiprocessing.util.Finalize(None, notes.append, args=("ours",), exitpriority=1)
        multiprocessing_child.finish()
        return notes

    assert in_child(assumed(look)) == ["ours"]
    inherited.cancel()


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program that has loaded neither multiprocessing nor logging."""
    monkeypatch.setattr(log, "is_loaded", lambda: False)
    for name in [name for name in sys.modules if name.startswith("multiprocessing")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("unloaded")
def test_without_multiprocessing_nothing_is_loaded(in_child: InChild) -> None:
    def look() -> list[str]:
        multiprocessing_child.finish()
        return [name for name in sys.modules if name.startswith("multiprocessing")]

    assert in_child(assumed(look)) == []


def who() -> tuple[Any, ...]:
    """This process, as multiprocessing sees it."""
    from multiprocessing import current_process, parent_process

    parent = parent_process()
    assert parent is not None
    return current_process().name, parent.pid, parent.is_alive()


@pytest.mark.usefixtures("unloaded")
def test_multiprocessing_loaded_later_learns_who_this_is(in_child: InChild) -> None:
    assert in_child(assumed(who)) == ("web(3)", os.getpid(), True)


@pytest.mark.usefixtures("unloaded")
def test_multiprocessing_loaded_by_the_manager_meanwhile_learns_it(in_child: InChild) -> None:
    """As a log does that is written when the workers are prepared and not yet forked."""
    run = assumed(who)
    importlib.import_module("multiprocessing.process")
    assert in_child(run) == ("web(3)", os.getpid(), True)


# -- contexts


@pytest.mark.parametrize("method", [None, "spawn", "forkserver", "fork"])
def test_the_default_context_is_the_applications(method: str | None, in_child: InChild) -> None:
    def look() -> tuple[str, bool]:
        if method is not None:
            multiprocessing.set_start_method(method, force=True)
        found = contexts.default()
        return found.get_start_method(), contexts.is_fork(found)

    assert in_child(look) == (method or "fork", method in (None, "fork"))


def test_named_contexts() -> None:
    assert contexts.named(None) is None
    assert contexts.named("spawn").get_start_method() == "spawn"


# -- the report of an execution


@pytest.mark.parametrize(
    ("text", "succeeded", "error"),
    [
        ("", False, ""),
        (report.EXECUTING, True, ""),
        (report.EXECUTING + "no such file", False, "no such file"),
        ("no such user", False, "no such user"),
    ],
)
def test_reports(text: str, succeeded: bool, error: str) -> None:
    assert report.succeeded(text) is succeeded
    assert report.error(text) == error
