"""A manager that ends by an error, or is never made for one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cotyledon_core import events
from cotyledon_core.exceptions import CotyledonError, shown
from cotyledon_core.log import Log
from cotyledon_core.process import clock

STATUS = 1
"""What Python ends with after an exception."""

LOG = Log("cotyledon_core")


def stopped_by(error: BaseException) -> events.ManagerStopped:
    """The last event."""
    ours = isinstance(error, CotyledonError)
    text = "; ".join(str(error).splitlines()) if ours else shown(error)
    at, wall_time = clock.now()
    return events.ManagerStopped(
        at=at, wall_time=wall_time, status=STATUS, error=text, errno=_number(error)
    )


def _number(error: BaseException | None) -> int | None:
    """The system's, of the error or of what has caused it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        error = error.__cause__
    return None


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Tell systemd, where it listens, of an error for which there will be no manager."""
    try:
        yield
    except Exception as error:
        _tell_systemd(stopped_by(error))
        raise


def _tell_systemd(event: events.ManagerStopped) -> None:
    from cotyledon_core.runtime.notifiers import default_notifiers

    notifier = default_notifiers().get("systemd")
    if notifier is None:
        return
    try:
        notifier.notify(event)
        notifier.close()
    except Exception:
        LOG.exception("notifier systemd failed")
