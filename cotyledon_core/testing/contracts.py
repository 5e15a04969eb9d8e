"""Checks that a plugin keeps its contract, for the tests of its author.

Each raises :class:`AssertionError`, with what is wrong and what would be
right, and otherwise returns the instance that it made. The class goes through
the same checks as when it is loaded by its entry point; then it is used as the
manager would use it.

The options that are not given have their defaults.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cotyledon_core.events import Event
from cotyledon_core.exceptions import PluginError
from cotyledon_core.plugins.loading import Namespace, fault_of_class, plugin_options
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.plugins.restart_policy import (
    Death,
    Decision,
    GiveUp,
    Restart,
    RestartPolicy,
    Stop,
)
from cotyledon_core.program import Program
from cotyledon_core.service import Service
from cotyledon_core.testing.samples import every_death, every_event
from cotyledon_core.types import WorkerId


class _EventOfALaterVersion(Event):
    kind = "event_of_a_later_version"

    def __str__(self) -> str:
        return self.kind


def check_service(cls: type[Service], **options: Any) -> Service:
    """Make an instance and ask for its program; nothing is run.

    :param cls: the class that the entry point names.
    :param options: values of its options.
    :raises AssertionError: if the contract is not kept.
    """
    values = _checked(Namespace.SERVICES, cls, options)
    if cls.wants_workers:
        values["workers"] = 1
    with _blamed(f"{cls.__name__}()"):
        service = cls(WorkerId(0), **values)
    with _blamed("program()"):
        program = service.program()
    assert program is None or isinstance(program, Program), (
        f"program() returned {program!r}; it must return a Program or None"
    )
    return service


def check_restart_policy(cls: type[RestartPolicy], **options: Any) -> RestartPolicy:
    """Make an instance and let it decide on deaths of all kinds.

    :param cls: the class that the entry point names.
    :param options: values of its options.
    :raises AssertionError: if the contract is not kept.
    """
    values = _checked(Namespace.RESTART_POLICIES, cls, options)
    with _blamed(f"{cls.__name__}()"):
        policy = cls(**values)
    for death in every_death():
        with _blamed(f"decide() of {death}"):
            decision = policy.decide(death)
        _check_decision(decision, death)
    return policy


def check_notifier(cls: type[Notifier], **options: Any) -> Notifier:
    """Make an instance, prepare it, tell it an event of each kind and of one to come, close it.

    What it sends goes where its options say.

    :param cls: the class that the entry point names.
    :param options: values of its options.
    :raises AssertionError: if the contract is not kept.
    """
    values = _checked(Namespace.NOTIFIERS, cls, options)
    assert isinstance(cls.blocking, bool), f"blocking is {cls.blocking!r}; it must be a bool"
    with _blamed(f"{cls.__name__}()"):
        notifier = cls(**values)
    with _blamed("prepare()"):
        variables = notifier.prepare()
    strings = isinstance(variables, Mapping) and all(
        isinstance(text, str) for pair in variables.items() for text in pair
    )
    assert strings, (
        f"prepare() returned {variables!r}; it must return a mapping of strings to strings"
    )
    for event in (*every_event(), _EventOfALaterVersion(at=1.0, wall_time=1.0)):
        with _blamed(f"notify() of {event!r}"):
            notifier.notify(event)
    with _blamed("close()"):
        notifier.close()
    return notifier


def _checked(namespace: Namespace, cls: type, given: dict[str, Any]) -> dict[str, Any]:
    """The options' values, given and default, once the class has passed its checks."""
    fault = fault_of_class(namespace, cls)
    assert fault is None, f"{cls!r} {fault}"
    try:
        options = plugin_options(cls)
    except PluginError as error:
        raise AssertionError(str(error)) from error
    unknown = given.keys() - {option.dest for option in options}
    assert not unknown, f"options() does not declare {', '.join(sorted(unknown))}; it must"
    values = {option.dest: given.get(option.dest, option.default) for option in options}
    check = getattr(cls, "check_options", None)
    if check is not None:
        with _blamed("check_options()"):
            check(**values)
    return values


@contextmanager
def _blamed(call: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{call} raised {type(error).__name__}: {error}") from error


def _check_decision(decision: Decision, death: Death) -> None:
    assert isinstance(decision, Restart | Stop | GiveUp), (
        f"decide() of {death} returned {decision!r}; it must return a Restart, a Stop or a GiveUp"
    )
    if isinstance(decision, Restart):
        assert 0 <= decision.delay < math.inf, (
            f"decide() of {death} returned {decision!r}; a delay must be 0 or more and finite"
        )
    else:
        assert isinstance(decision.reason, str), (
            f"decide() of {death} returned {decision!r}; a reason must be a string"
        )
    if isinstance(decision, Stop):
        assert decision.clean in (True, False, None), (
            f"decide() of {death} returned {decision!r}; clean must be True, False or None"
        )
