"""The restart policy that applies where none is named: always, with back-off.

The built-in policies derive from it and share its options, so that one is
exchanged for another by changing a name. What they decide depends on how the
worker ended, in this order:

1. A status in ``restart_prevent_status`` is followed by no restart.
2. A status in ``restart_force_status`` is followed by a restart.
3. Else it depends on the policy, and whether the end was clean.

Both lists concern only processes that ended of themselves. One that the manager
had to end, because it hung or did not start in time, has the status of the
manager's own signal, which tells nothing; nor did it end cleanly. A failed
start has no status at all.

=============== ===================== ===================== ================ ================
policy          clean                 failed                in prevent list  in force list
=============== ===================== ===================== ================ ================
``always``      restart               restart               stop             restart
``limited``     restart, up to limit  restart, up to limit  stop             restart, up to limit
``on-failure``  stop                  restart               stop             restart
``never``       stop                  stop                  stop             restart
=============== ===================== ===================== ================ ================

Prevention goes before force, and both before the policy, as in systemd
(``RestartPreventExitStatus``, ``RestartForceExitStatus`` and ``Restart`` in
systemd.service(5)). Unlike systemd's ``SuccessExitStatus``, ``clean_exit_status``
is the whole list and not an addition to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from signal import Signals
from typing import Any, ClassVar

from cotyledon_core.arguments import check_names
from cotyledon_core.chance import fraction
from cotyledon_core.exit_statuses import Items, StatusSet
from cotyledon_core.plugins.restart_policy import (
    CLEAN_SIGNALS,
    Cause,
    Death,
    Decision,
    Restart,
    RestartPolicy,
    Stop,
)
from cotyledon_core.supervision.restart import Backoff, Number, faults_of_numbers

CLEAN_STATUSES = ("0", *(found.name for found in Signals if found in CLEAN_SIGNALS))
STATUS_LISTS = {
    "clean_exit_status": (
        CLEAN_STATUSES,
        "The ends that are clean: exit codes, and signals by name. The policy on-failure does not "
        "restart after one; and when all that there was to do has ended, the manager's exit "
        "status is 0 if every end was clean.",
    ),
    "restart_prevent_status": (
        (),
        "Exit codes, and signals by name, after which a worker is not restarted, whatever the "
        "policy, such as: 2, SIGKILL",
    ),
    "restart_force_status": (
        (),
        "Exit codes, and signals by name, after which a worker is restarted, whatever the "
        "policy, unless restart_prevent_status has them too.",
    ),
}
"""By option: default and help."""


class DefaultPolicy(RestartPolicy):
    """Starts a worker again whatever ended it, after what :class:`Backoff` says.

    A policy that derives from it has its options, and may override :meth:`decide`,
    or one of the two questions that :meth:`decide` asks.

    :param clean_exit_status: exit codes and signals that are a clean end, such
        as ``[0, "SIGTERM"]``.
    :param restart_prevent_status: those after which there is no restart.
    :param restart_force_status: those after which there is one.
    :param numbers: the fields of :class:`Backoff`, and what else is in the
        ``numbers`` of a policy that derives from it.
    :raises TypeError: with a line for each name that is no option.
    :raises ValueError: with a line for each value that is impossible.
    """

    numbers: ClassVar[Mapping[str, Number]] = Backoff.numbers
    """The options that are numbers."""

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        lists = [
            cfg.ListOpt(name, default=list(default), help=text)
            for name, (default, text) in STATUS_LISTS.items()
        ]
        return [*(_number_option(name, number) for name, number in cls.numbers.items()), *lists]

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """
        :raises ValueError: with a line for each value that is impossible.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if faults := [*faults_of_numbers(cls.numbers, given), *_faults_of_lists(given)]:
            raise ValueError("\n".join(faults))

    def __init__(
        self,
        *,
        clean_exit_status: Items = CLEAN_STATUSES,
        restart_prevent_status: Items = (),
        restart_force_status: Items = (),
        **numbers: float,
    ) -> None:
        check_names(type(self).__name__, numbers, (*self.numbers, *STATUS_LISTS))
        self.check_options(
            clean_exit_status=clean_exit_status,
            restart_prevent_status=restart_prevent_status,
            restart_force_status=restart_force_status,
            **numbers,
        )
        self._clean = StatusSet.of(clean_exit_status)
        self._prevent = StatusSet.of(restart_prevent_status)
        self._force = StatusSet.of(restart_force_status)
        delays = {name: numbers[name] for name in numbers if name in Backoff.numbers}
        self._backoff = Backoff(**delays)

    def decide(self, death: Death) -> Decision:
        by_itself = death.cause is Cause.EXITED
        if by_itself and death.status in self._prevent:
            return self._stop(death, "restart_prevent_status")
        forced = by_itself and death.status in self._force
        reason = None if forced else self.reason_to_stop(death)
        return self.restart(death) if reason is None else self._stop(death, reason)

    def reason_to_stop(self, death: Death) -> str | None:
        """Why the worker is to be left ended, if neither list has its status; None: it is not."""
        return None

    def restart(self, death: Death) -> Decision:
        """The worker is to be started again: when."""
        return Restart(self._backoff.delay(death, fraction))

    def is_clean(self, death: Death) -> bool:
        """Whether the worker ended of itself and as ``clean_exit_status`` says."""
        return death.cause is Cause.EXITED and death.status in self._clean

    def _stop(self, death: Death, reason: str) -> Stop:
        return Stop(f"{reason} ({death.status})", self.is_clean(death))


def _number_option(name: str, number: Number) -> Any:
    from oslo_config import cfg

    kind: Any = cfg.IntOpt if number.whole else cfg.FloatOpt
    most = number.most if number.most < math.inf else None
    return kind(name, default=number.default, min=number.least, max=most, help=number.help)


def _faults_of_lists(given: Mapping[str, Any]) -> Iterator[str]:
    for name in filter(given.__contains__, STATUS_LISTS):
        try:
            StatusSet.of(given[name])
        except ValueError as error:
            yield from (f"{name}: {line}" for line in str(error).splitlines())
