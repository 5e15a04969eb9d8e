"""The services of the unit under test."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from support import Recording, Reloading, wait_at


class Reloads(Reloading):
    """Reloads in place."""

    name = "reloads"


class Replaced(Recording):
    """Has no ``reload()``, and an option. Its start waits at a gate, or fails at another."""

    name = "replaced"

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [cfg.StrOpt("generation", default="one")]

    def __init__(self, worker_id: int, generation: str = "one") -> None:
        super().__init__(worker_id)
        self._note("born", generation=generation)
        wait_at(f"{generation}-{worker_id}")
        if generation == "broken":
            raise RuntimeError("this generation is broken")
        self._note("up", generation=generation)

    def terminate(self) -> None:
        super().terminate()
        wait_at(f"terminate-{self.worker_id}")


class Serves(Recording):
    """Answers each connection with its pid."""

    name = "serves"

    def run(self) -> None:
        super().run()
        while True:
            accepted, _ = self.sockets["http"].accept()
            with accepted:
                accepted.sendall(str(os.getpid()).encode())
