"""The service that most others derive from."""

from __future__ import annotations

from typing import Any

from cotyledon_core.compat.oslo_service.backend.base import ServiceBase
from cotyledon_core.compat.oslo_service.threadgroup import ThreadGroup


class Service(ServiceBase):
    """A service with a group of threads, :attr:`tg`.

    :param threads: how many threads it may have at a time.
    """

    def __init__(self, threads: int = 1000) -> None:
        super().__init__()
        self.tg = ThreadGroup(threads)
        self.backdoor_port = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the threads, which cannot travel."""
        state = {name: value for name, value in vars(self).items() if name != "tg"}
        return {**state, "_thread_pool_size": self.tg.thread_pool_size}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        self.tg = ThreadGroup(state.pop("_thread_pool_size", 1000))
        vars(self).update(state)

    def start(self) -> None:
        """Start; nothing to do unless overridden."""

    def reset(self) -> None:
        """Take over a changed configuration; nothing to do unless overridden."""

    def stop(self, graceful: bool = False) -> None:
        """Stop the timers.

        :param graceful: whether to wait for them and the threads.
        """
        self.tg.stop(graceful)

    def wait(self) -> None:
        """Wait for the timers and threads."""
        self.tg.wait()
