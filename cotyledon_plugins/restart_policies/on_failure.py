"""The restart policy ``on-failure``: start again unless the end was a clean one."""

from __future__ import annotations

import signal

from cotyledon_core import Cause, Death, Decision, DefaultPolicy, Stop

CLEAN_SIGNALS = frozenset(
    getattr(signal, name)
    for name in ("SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE")
    if hasattr(signal, name)
)
"""Signals whose receiver ended as it should; systemd's ``Restart=on-failure`` has the same."""


class OnFailure(DefaultPolicy):
    """Leaves a worker ended after exit status 0 or a signal that asks for an end.

    After anything else it does what ``always`` does, with the same options. A
    worker that the manager had to end, because it hung or did not start, has
    not ended cleanly whatever its status.
    """

    def decide(self, death: Death) -> Decision:
        if death.cause is Cause.EXITED and _is_clean(death):
            return Stop(f"clean exit ({death.status})")
        return super().decide(death)


def _is_clean(death: Death) -> bool:
    return death.status.code == 0 or death.status.signal in CLEAN_SIGNALS
