"""oslo.service's names, as its threading backend offers them.

::

    from cotyledon_core.compat import oslo_service
    oslo_service.install()

    from oslo_service import service  # ours, for libraries too

Or, in a program of your own: ``from cotyledon_core.compat.oslo_service import service``.
Threads and periodic work need the extra ``oslo``.
"""

from __future__ import annotations

from cotyledon_core.compat.answering import answer

_THREADING = "backend._threading"
_ELSEWHERE = {
    f"{_THREADING}.{name}": f"{__name__}.{name}"
    for name in ("loopingcall", "service", "threadgroup")
}


def install() -> None:
    """From now on ``import oslo_service`` gives this package.

    It holds in processes that multiprocessing starts, too. Call it before
    anything imports ``oslo_service``. An oslo.service that is installed stays
    as it is, and is not used; that is said once in the log.
    """
    answer("oslo_service", __name__, _ELSEWHERE)
