"""Workers whose construction or ``reload()`` takes as long as the test wants."""

import subprocess
import time
from typing import Any

from support import Recording, Reloading, main, manager, record, sleep_long, wait_at, watch


class Gated(Reloading):
    """Waits at the gates ``init``, ``reload`` and ``end``."""

    name = "gated"
    graceful_shutdown_timeout = 20

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        wait_at("init")

    def reload(self) -> None:
        self._note("reload")
        wait_at("reload")
        self._note("reloaded")

    def terminate(self) -> None:
        self._note("terminate")
        wait_at("end")


class GatedBatch(Recording):
    """The same without ``reload()``."""

    name = "batch"
    graceful_shutdown_timeout = 20

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        wait_at("init")

    def terminate(self) -> None:
        self._note("terminate")
        wait_at("end")


class Stuck(Reloading):
    """Its ``reload()`` never ends."""

    name = "stuck"
    graceful_shutdown_timeout = 1

    def reload(self) -> None:
        super().reload()
        sleep_long()


class WithHelper(Reloading):
    """Has a program of its own beside it, which SIGHUP would end."""

    name = "helped"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        self.helper = subprocess.Popen(["sleep", "3600"])
        record("helper", helper=self.helper.pid)


class Crashing(Recording):
    """Ends as soon as it runs."""

    name = "crashing"

    def run(self) -> None:
        super().run()
        raise RuntimeError("crash at work")


SERVICES: dict[str, Any] = {
    service.name: service for service in (Gated, GatedBatch, Stuck, WithHelper, Crashing)
}


def services(*names: str) -> None:
    made = manager()
    watch(made)
    for name in names:
        made.add(SERVICES[name], 2)
    made.run()


def helped() -> None:
    """The manager itself has a helper too, which a hook started."""

    def start_helper() -> None:
        if not helpers:
            helpers.append(subprocess.Popen(["sleep", "3600"]))
            record("helper", helper=helpers[0].pid)

    helpers: list[Any] = []
    made = manager(1)
    made.register_hooks(on_reload=start_helper)
    watch(made)
    made.add(WithHelper, 2)
    made.run()


def slow_hook() -> None:
    """Each SIGHUP's hook takes a moment."""
    made = manager()
    made.register_hooks(on_reload=lambda: time.sleep(0.05))
    watch(made)
    made.add(Gated, 2)
    made.add(GatedBatch, 2)
    made.run()


if __name__ == "__main__":
    main(globals())
