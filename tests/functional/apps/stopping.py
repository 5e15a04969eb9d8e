"""Managers that are stopped at awkward moments; the first argument says which."""

import atexit
import os
import signal
import sys
import time
from typing import Any

from support import (
    Recording,
    Reloading,
    ignore_signals,
    main,
    manager,
    on_dead_worker,
    on_reload,
    on_terminate,
    record,
    sleep_long,
    wait_at,
    watch,
)

import cotyledon_core as cotyledon


class Slow(Recording):
    """Takes its time to end."""

    name = "slow"

    def __init__(self, worker_id: int, seconds: float = 0) -> None:
        super().__init__(worker_id)
        self.seconds = seconds

    def terminate(self) -> None:
        super().terminate()
        time.sleep(self.seconds)


class Reloaded(Reloading):
    name = "reloaded"


class Unborn(Recording):
    """Its construction never ends."""

    name = "unborn"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        ignore_signals()
        sleep_long()


class Gated(Recording):
    """Ends when the test lets it."""

    name = "gated"

    def terminate(self) -> None:
        super().terminate()
        wait_at("end")


class Endless(Recording):
    """Does not end by itself."""

    name = "endless"

    def terminate(self) -> None:
        super().terminate()
        sleep_long()


class Crashing(Recording):
    """Ends as soon as it starts."""

    name = "crashing"

    def __init__(self, worker_id: int, where: str) -> None:
        super().__init__(worker_id)
        self.where = where
        if where == "init":
            raise RuntimeError("crash at construction")

    def run(self) -> None:
        super().run()
        raise RuntimeError("crash at work")


def slow_end(seconds: str) -> None:
    made = manager()
    watch(made)
    made.add(Slow, 2, args=(float(seconds),))
    made.run()


def signal_at_call(number: str, call: str, workers: str) -> None:
    """The n-th function call of the manager's brings a signal."""
    pid, left = os.getpid(), int(call)

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal left
        ours = "cotyledon_core" in frame.f_code.co_filename
        if event != "call" or not ours or os.getpid() != pid:
            return
        left -= 1
        if left == 0:
            handled = signal.getsignal(int(number)) is not signal.SIG_DFL
            record("signal", handled=handled)
            os.kill(pid, int(number))

    sys.setprofile(profile)
    made = manager(1)
    watch(made)
    made.add(Unborn if number == str(int(signal.SIGKILL)) else Reloaded, int(workers))
    try:
        made.run()
    finally:
        sys.setprofile(None)


def term_before_run(moment: str) -> None:
    made = manager()
    if moment == "constructed":
        os.kill(os.getpid(), signal.SIGTERM)
    made.add(Slow, 3)
    if moment == "added":
        os.kill(os.getpid(), signal.SIGTERM)
    watch(made)
    if moment == "run":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    made.run()


def term_after(seconds: str) -> None:
    parent = os.getpid()
    if os.fork() == 0:
        time.sleep(float(seconds))
        os.kill(parent, signal.SIGTERM)
        os._exit(0)
    made = manager()
    made.add(Slow, 10)
    made.run()


def crash_loop(where: str) -> None:
    made = manager()
    watch(made)
    made.add(Crashing, 2, args=(where,))
    made.run()


def signal_at_exit(number: str) -> None:
    """The signal comes when the manager has ended and the interpreter ends."""

    def arrives() -> None:
        record("at_exit")
        os.kill(os.getpid(), int(number))

    atexit.register(arrives)
    made = manager()
    watch(made)
    made.add(Slow, 2)
    made.run()


def term_in_hook(name: str) -> None:
    def term(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    made = manager()
    hooks: dict[str, Any] = {name: term}
    made.register_hooks(**hooks)
    made.add(Slow, 2)
    made.run()


def storm_in_hook(count: str) -> None:
    def storm() -> None:
        for _ in range(int(count)):
            signal.raise_signal(signal.SIGUSR1)
        record("stormed")

    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    made = manager()
    made.register_hooks(on_reload=storm)
    made.add(Slow, 1)
    made.run()


def own_handler() -> None:
    signal.signal(signal.SIGUSR1, lambda number, frame: record("own_handler"))
    signal.signal(signal.SIGWINCH, lambda number, frame: None)
    made = manager()
    made.register_hooks(on_terminate, on_reload, on_dead_worker=on_dead_worker)
    made.add(Slow, 1)
    made.run()


def overrun(grace: str, service_grace: str) -> None:
    made: cotyledon.ServiceManager = manager(int(grace))
    made.add(endless, args=(int(service_grace),))
    made.run()


def endless(worker_id: int, grace: int) -> Endless:
    Endless.graceful_shutdown_timeout = grace
    return Endless(worker_id)


def gated_end(grace: str) -> None:
    made = manager(int(grace))
    made.add(Gated)
    made.run()


class Kept(Gated):
    """Stays as it is in a reload."""

    name = "kept"

    def terminate(self) -> None:
        super().terminate()
        self._note("terminated")

    def reload(self) -> None:
        self._note("reload")


def changed_grace(grace: str, later: str) -> None:
    """A reload changes the manager's grace period."""

    def change() -> None:
        made._graceful_shutdown_timeout = int(later)

    made = manager(int(grace))
    made.register_hooks(on_reload=change)
    made.add(Kept, 2)
    made.run()


if __name__ == "__main__":
    main(globals())
