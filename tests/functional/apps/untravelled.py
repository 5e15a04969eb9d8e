"""Two services, of which the second cannot travel to a spawned process."""

from __future__ import annotations

from typing import Any

from oslo_config import cfg
from support import Recording, main, manager, record, watch

from cotyledon_core import Event, Notifier
from cotyledon_core.events import WorkerExited


class Exits(Notifier):
    """Notes why workers could not be started."""

    def notify(self, event: Event) -> None:
        if isinstance(event, WorkerExited):
            record("exited", service=event.service, detail=event.detail)


class First(Recording):
    name = "first"


class Second(Recording):
    name = "second"

    def __init__(self, worker_id: int, *arguments: Any, **keywords: Any) -> None:
        super().__init__(worker_id)


def run(*arguments: Any, **keywords: Any) -> None:
    made = manager()
    made.add_notifier(Exits())
    watch(made)
    made.add(First)
    made.add(Second, args=arguments, kwargs=keywords)
    made.run()


def function() -> None:
    run(callbacks={"done": lambda: None})


def conf() -> None:
    made = cfg.ConfigOpts()
    made.register_opt(cfg.Opt("odd", type=lambda value: value))
    made([], project="app")
    run(made)


if __name__ == "__main__":
    main(globals())
