"""The contract of a notifier.

A notifier is told events after the fact; it cannot influence supervision.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cotyledon_core.events import Event

if TYPE_CHECKING:
    from cotyledon_core.ledger import Ledger
    from cotyledon_core.vitals import Vitals


class Notifier(abc.ABC):
    """Base class of notifiers (namespace ``cotyledon.notifiers``).

    The constructor takes the notifier's options as keywords and nothing else.
    It runs in the manager process before the services start, and again at each
    reload, for an instance that may never be used. It must not open connections
    there, nor take anything that only one can have; that is for the first
    :meth:`notify`.
    """

    blocking: ClassVar[bool] = True
    """Whether :meth:`notify` or :meth:`close` may block.

    A notifier that says False runs on the manager's only thread, and must
    never wait for anything. The others run in a process of their own, where
    they may.
    """

    vitals: Vitals | None = None
    """Signs of life, while a manager runs that tells this notifier; set before the first call."""

    @classmethod
    def options(cls) -> Sequence[Any]:
        """The notifier's ``oslo.config`` options.

        Import ``oslo_config`` inside this method: importing a plugin must not.
        The values reach the constructor as keywords of the same names.

        A class may also have a class method ``check_options(**options)`` that
        raises ValueError, with one line for each fault, before anything is started.
        """
        return ()

    def prepare(self) -> Mapping[str, str]:
        """Make ready what workers need, and say what they get into their environment.

        Called once, in the manager process before the first worker starts, for the notifiers
        that are configured then; not for one that a reload brings. It must not wait for
        anything. What it answers is taken out of the environment when the manager has ended.
        """
        return {}

    @abc.abstractmethod
    def notify(self, event: Event) -> None:
        """Be told one event. After three exceptions in a row the notifier is disabled."""

    def synchronize(self, ledger: Ledger) -> None:  # noqa: B027  # optional by contract
        """Be told what all events until now amount to.

        For a notifier that comes while the manager runs, before its first event; and whenever
        events may be missing: because the notifier was too slow, or its process has died.

        :param ledger: the notifier's own from now on; it may keep it and
            :meth:`~.Ledger.note` the events that follow.
        """

    def take_over(self, predecessor: Notifier) -> None:  # noqa: B027  # optional by contract
        """Go on where another one was.

        Called where a reload has changed the options: after :meth:`synchronize`, and before the
        predecessor's :meth:`close`. Not where the notifier has a process of its own.

        :param predecessor: of the same class and name.
        """

    def deadline(self) -> float | None:
        """When :meth:`wake` is due, in monotonic seconds; None for never.

        Asked after each call of :meth:`notify`, :meth:`synchronize`, :meth:`take_over` and
        :meth:`wake`.
        """
        return None

    def wake(self, now: float) -> None:  # noqa: B027  # optional by contract
        """The time of :meth:`deadline` has come. An exception counts as one of :meth:`notify`.

        :param now: monotonic seconds.
        """

    def close(self) -> None:  # noqa: B027  # optional by contract
        """Flush and let go of everything; called once, after the last event."""
