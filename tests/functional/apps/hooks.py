"""Hooks that raise, hang or look around; the first argument says which."""

import os
import signal
import threading
import uuid
from typing import Any

from support import (
    Reloading,
    hold_gil,
    ignore_signals,
    main,
    manager,
    record,
    sleep_long,
    watch,
)

RAISED: dict[str, BaseException] = {
    "exception": RuntimeError("on purpose"),
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "base": GeneratorExit(),
}


class Web(Reloading):
    name = "web"


class Noting:
    """A hook of any kind that notes its name and raises if it should."""

    def __init__(self, name: str, raises: str = "") -> None:
        self.name = name
        self.raises = raises

    def __call__(self, *arguments: Any) -> None:
        record("hook", name=self.name)
        if self.raises:
            raise RAISED[self.raises]


class Hanging:
    """A hook of any kind that does not come back."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __call__(self, *arguments: Any) -> None:
        record("hanging")
        {"sleep": sleep_long, "gil": hold_gil}[self.way]()


class Looking:
    """A hook of any kind that notes where it runs and with what."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arguments: Any) -> None:
        record(
            "hook",
            name=self.name,
            main_thread=threading.current_thread() is threading.main_thread(),
            arguments=[type(argument).__name__ for argument in arguments],
        )
        if arguments:
            assert isinstance(arguments[0], uuid.UUID)


KINDS = ("on_terminate", "on_reload", "on_new_worker", "on_dead_worker")


def raising(kind: str, what: str) -> None:
    made = manager()
    for hook in (Noting("first"), Noting("second", what), Noting("third")):
        made.register_hooks(**{kind: hook})
    watch(made)
    made.add(Web, 2)
    made.run()


def hanging(kind: str, way: str) -> None:
    made = manager(1)
    made.register_hooks(**{kind: Hanging(way)})
    made.add(Web, 2)
    made.run()


def hanging_early(how: str) -> None:
    """Told to stop before it runs."""
    made = manager(1)
    made.register_hooks(on_terminate=Hanging("sleep"))
    made.add(Web, 2)
    if how == "term":
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        made.shutdown()
    made.run()


class Leaving(Web):
    """Leaves a child that ignores everything."""

    def run(self) -> None:
        if os.fork() == 0:
            ignore_signals()
            record("child")
            sleep_long()
        super().run()


def hanging_without_end(way: str) -> None:
    """With a grace period of 0."""
    made = manager(0)
    made.register_hooks(on_reload=Hanging(way))
    made.add(Leaving, 20)
    made.run()


def looking() -> None:
    made = manager()
    made.register_hooks(*(Looking(kind) for kind in KINDS))
    made.add(Web, 2)
    made.run()


def busy_then_leaving(kind: str) -> None:
    """Each hook takes a while, so that signals fall into it."""

    def pause(*arguments: Any) -> None:
        record("hook", name=kind)
        end = threading.Event()
        end.wait(0.3)

    made = manager()
    hooks: dict[str, Any] = {kind: pause}
    made.register_hooks(**hooks)
    watch(made)
    made.add(Web, 2)
    made.run()


if __name__ == "__main__":
    main(globals())
