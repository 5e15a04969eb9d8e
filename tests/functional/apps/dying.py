"""Managers that die without warning, with children of many kinds around.

Arguments: the scenario, then how the manager dies.
"""

import ctypes
import logging  # noqa: F401 - there is a log relay, then
import os
import signal
import subprocess
import sys
import threading
from typing import Any

from support import (
    Recording,
    gate,
    ignore_signals,
    main,
    manager,
    record,
    sleep_long,
    wait_at,
    watch,
)


class Web(Recording):
    name = "web"


class Parent(Recording):
    """Has a helper in the manager's group and leaves a daemon."""

    name = "parent"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        helper = subprocess.Popen(["sleep", "3600"])
        daemon = subprocess.Popen(["sleep", "3600"], start_new_session=True)
        record("children", helper=helper.pid, daemon=daemon.pid)


class Stubborn(Recording):
    """Forks a child that ignores every signal, and exits."""

    name = "stubborn"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        if os.fork() == 0:
            ignore_signals()
            record("orphan")
            sleep_long()


class Leaving(Recording):
    """Leaves a daemon that keeps every descriptor of its parent's."""

    name = "leaving"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        if os.fork() == 0:
            os.setsid()
            record("daemon")
            sleep_long()


class Gated(Recording):
    """Takes its time at the gates ``init`` and ``end``."""

    name = "gated"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        wait_at("init")

    def terminate(self) -> None:
        super().terminate()
        wait_at("end")


def _die(way: str) -> None:
    if way == "exit":
        os._exit(3)
    if way == "segv":
        ctypes.string_at(0)
    if way == "thread":
        threading.Thread(target=os._exit, args=(3,)).start()
        sleep_long()
    raise AssertionError(way)


def in_hook(way: str) -> None:
    made = manager(1)
    watch(made)
    made.register_hooks(on_reload=lambda: _die(way))
    made.add(Web, 3)
    made.run()


def in_handler() -> None:
    """An application's own signal handler raises into whatever runs."""

    def fail(*arguments: Any) -> None:
        raise RuntimeError("on purpose")

    signal.signal(signal.SIGUSR1, fail)
    made = manager(1)
    made.add(Web, 3)
    made.run()


def with_children() -> None:
    made = manager(1)
    watch(made)
    made.add(Parent, 2)
    made.add(Stubborn, 1)
    made.run()


def leaving() -> None:
    made = manager(5)
    watch(made)
    made.add(Leaving, 2)
    made.add(Web, 1)
    made.run()


def gated(workers: str) -> None:
    made = manager(2)
    watch(made)
    made.add(Gated, int(workers))
    made.run()


class Moved(Recording):
    """Deaf, and in a session of its own, from its construction on."""

    name = "moved"

    def __init__(self, worker_id: int) -> None:
        os.setsid()
        ignore_signals()
        super().__init__(worker_id)
        os.unlink(gate("moved"))
        sleep_long()


def at_a_workers_fork() -> None:
    """Dies as the first thing after a fork, when the child is out of its reach."""

    def add() -> None:
        open(gate("moved"), "x").close()
        os.register_at_fork(after_in_parent=die)
        made.add(Moved)

    def die() -> None:
        wait_at("moved")
        os.kill(os.getpid(), signal.SIGKILL)

    made = manager(1)
    made.register_hooks(on_reload=add)
    made.run()


def at_a_first_fork(number: str) -> None:
    """Dies as the first thing after so many forks, the guardian's and the first worker's."""

    def die() -> None:
        forks.append(number)
        if len(forks) == int(number):
            if len(forks) > 1:
                wait_at("moved")
            os.kill(os.getpid(), signal.SIGKILL)

    forks: list[str] = []
    open(gate("moved"), "x").close()
    os.register_at_fork(after_in_parent=die)
    made = manager(1)
    made.add(Moved)
    made.run()


def beside_a_neighbour() -> None:
    """Not the leader of its group, which has somebody else in it."""
    made = manager(1)
    made.add(Parent, 1)
    made.add(Web, 1)
    made.run()


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(4, 0)  # No core files.
    main(globals())
    sys.exit(99)
