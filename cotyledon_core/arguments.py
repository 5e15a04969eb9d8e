"""Checks of what an application gives to the manager."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotyledon_core.plugins.restart_policy import RestartPolicy


_NO_DUMP_SIGNALS = {
    "cannot be caught": ("KILL", "STOP"),
    "stands for an error of the process itself": ("SEGV", "FPE", "ABRT", "BUS", "ILL"),
    "is used by the manager itself": ("TERM", "INT", "HUP", "CHLD", "ALRM", "CONT"),
    "is ignored by Python": ("PIPE", "XFSZ"),
}
"""By the reason, the signals that cannot ask a worker for its stacks."""


def dump_signal(name: int | str) -> int:
    """The number of the signal that asks a worker for its stacks; 0 for none.

    :raises ValueError: if there is no such signal, or it cannot be used for that.
    """
    from cotyledon_core.signal_names import signal_number

    if str(name).strip() in ("0", ""):
        return 0
    right = "use RTMIN+1, which is the default, or such as USR2; 0 is none"
    try:
        number = signal_number(name)
    except ValueError:
        raise ValueError(f"dump_signal: {name!r} is no signal; {right}") from None
    for reason, unfit in _NO_DUMP_SIGNALS.items():
        if number in (getattr(signal, f"SIG{one}", None) for one in unfit):
            raise ValueError(f"dump_signal: {name!r} {reason}; {right}")
    return number


def check_grace(seconds: Any) -> None:
    """
    :raises ValueError: if it is no number of 0 or more; None stands for 0.
    """
    if seconds is not None:
        _check_seconds("graceful_shutdown_timeout", seconds)


def check_stop_delay(seconds: Any, grace: float) -> None:
    """
    :raises ValueError: if it is no number of 0 or more, or not below the grace period.
    """
    _check_seconds("stop_delay", seconds)
    if grace and seconds >= grace:
        raise ValueError(
            f"stop_delay: {seconds!r} is not below graceful_shutdown_timeout ({grace}), "
            "which counts from the same moment"
        )


def _check_seconds(name: str, seconds: Any) -> None:
    usable = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not usable or not 0 <= seconds < math.inf:
        raise ValueError(f"{name}: {seconds!r} is not a number of 0 or more")


def check_callable(thing: Any, name: str) -> None:
    """
    :raises TypeError: if it is not callable.
    """
    if not callable(thing):
        raise TypeError(f"'{name}' must be a callable")


def check_service(service: Any) -> None:
    """
    :raises TypeError: if it is not callable, or a class that cannot be a service.
    """
    from cotyledon_core.service import class_of
    from cotyledon_core.service_checks import fault_of_service

    check_callable(service, "service")
    service_class = class_of(service)
    if service_class is not None and (fault := fault_of_service(service_class)):
        raise TypeError(f"{service_class.__name__}: {fault}")


def restart_policy(given: Any) -> RestartPolicy | None:
    """An instance, from itself or from its plugin's name.

    :raises TypeError: for anything else.
    """
    if isinstance(given, str):
        from cotyledon_core.plugins import loading

        given = loading.load(loading.Namespace.RESTART_POLICIES, given)()
    if given is not None and (
        isinstance(given, type) or not callable(getattr(given, "decide", None))
    ):
        raise TypeError(
            "'restart_policy' must be an instance of RestartPolicy, or the name of one, "
            f"not: {given!r}"
        )
    policy: RestartPolicy | None = given
    return policy


def check_names(taker: str, given: Iterable[str], known: Sequence[str]) -> None:
    """
    :param taker: what takes the options, for the message.
    :raises TypeError: with a line for each name that is no option.
    """
    unknown = [name for name in given if name not in known]
    if unknown:
        raise TypeError("\n".join(_unknown(taker, name, known) for name in unknown))


def _unknown(taker: str, name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return f"{taker} has no option {name!r}; {hint}"


def check_workers(workers: Any, minimum: int) -> None:
    """
    :raises ValueError: if it is no int of at least ``minimum``.
    """
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < minimum:
        raise ValueError(
            f"'workers' must be an int >= {minimum}, not: {workers} ({type(workers).__name__})"
        )
