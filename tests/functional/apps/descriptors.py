"""What descriptors a manager and its workers have; the first argument says more."""

import array
import contextlib
import errno
import fcntl
import gc
import logging
import os
import resource
import signal
import sys
import termios
import threading
import time
from typing import Any

from support import Recording, Reloading, main, manager, record, watch

import cotyledon_core as cotyledon


class Web(Reloading):
    """Keeps its ``run()`` thread, as a working service does."""

    name = "web"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        self.ended = threading.Event()

    def run(self) -> None:
        record("environment", notify=os.environ.get("NOTIFY_SOCKET"))
        super().run()
        self.ended.wait()

    def terminate(self) -> None:
        super().terminate()
        self.ended.set()


class Batch(Recording):
    name = "batch"


class Holding(Reloading):
    """Frees the descriptors that it inherited, so that it can work."""

    name = "holding"

    def __init__(self, worker_id: int) -> None:
        release()
        super().__init__(worker_id)


HELD: list[int] = []


def fill(but: int = 0) -> None:
    """Use up every descriptor but so many."""
    try:
        while True:
            HELD.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
    for _ in range(but):
        os.close(HELD.pop())


def use_up() -> None:
    """Use up every descriptor and say so."""
    fill(but=1)
    record("filled")
    fill()


def release(*arguments: Any) -> None:
    while HELD:
        os.close(HELD.pop())


def limit(descriptors: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))


def workers(web: str, batch: str = "0") -> None:
    """Note the wake-up descriptor when a hook can see it."""

    def look() -> None:
        wakeup = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(wakeup)
        record("wakeup", descriptor=wakeup)

    made = manager()
    watch(made)
    made.register_hooks(on_reload=look)
    made.add(Web, int(web))
    if int(batch):
        made.add(Batch, int(batch))
    made.run()


def given() -> None:
    """Workers get what the application opened."""
    reader, writer = os.pipe()
    record("given", descriptors=[reader, writer])
    made = manager()
    made.add(Web, 2)
    made.run()


def many(count: str) -> None:
    """More workers than select() can serve."""
    limit(1024)
    made = manager()
    watch(made)
    made.add(Batch, int(count))
    made.run()


def exhausted(moment: str) -> None:
    """No descriptor left at the start, or from the first SIGHUP on."""
    limit(64)
    signal.signal(signal.SIGUSR1, release)
    made = manager(2)
    made.add(Holding, 4)
    if moment == "start":
        record("filling")
        fill(but=3)  # An import needs one.
    else:
        made.register_hooks(on_reload=use_up)
    made.run()


def logging_to(sink: str) -> None:
    """The root logger, at DEBUG, to standard error or to a file."""
    if sink == "stderr":
        logging.basicConfig(level=logging.DEBUG)
    else:
        logging.basicConfig(level=logging.DEBUG, filename=sink)
    made = manager(3)
    watch(made)
    made.add(Web, 2)
    made.add(Batch, 2)
    made.run()


def talkative(sink: str) -> None:
    """Hooks and services log much more than any pipe holds."""

    def talk(*arguments: Any) -> None:
        for _ in range(200):
            logging.getLogger("application").warning("x" * 1000)

    logging.raiseExceptions = False
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    made = manager(3)
    watch(made)
    made.register_hooks(on_terminate=talk, on_reload=talk, on_dead_worker=talk)
    made.add(Web, 2)
    made.run()


def closing(*names: str) -> None:
    """Standard streams may be closed."""
    for name in names:
        with contextlib.suppress(OSError):
            os.close(("stdin", "stdout", "stderr").index(name))
    made = manager(3)
    watch(made)
    made.add(Web, 2)
    made.add(Batch, 2)
    made.run()


class Program(cotyledon.Service):
    """Becomes a program that may send notifications."""

    def program(self) -> cotyledon.Program:
        return cotyledon.Program(argv=["sleep", "3600"])


def notifying(address: str) -> None:
    """As a unit of systemd's, and with a socket of the manager's own for a program."""
    os.environ["NOTIFY_SOCKET"] = address
    made = manager()
    watch(made)
    made.add(Program)
    made.add(Web, 2)
    made.run()


class Taken(Recording):
    """Closes all descriptors, and has others under their numbers.

    :param moment: when: at its construction, or while it runs.
    :param child: whether it has a child that keeps the old ones.
    """

    name = "taken"

    def __init__(self, worker_id: int, moment: str, others: str, child: bool) -> None:
        super().__init__(worker_id)
        self.moment, self.others, self.child = moment, others, child
        if moment == "init":
            self.take()

    def run(self) -> None:
        if self.moment == "run":
            self.take()
        super().run()

    def take(self) -> None:
        if self.child and os.fork() == 0:
            time.sleep(3600)
        before = [int(name) for name in os.listdir("/proc/self/fd")]
        self.kept = OTHERS[self.others](max(before))

    def terminate(self) -> None:
        super().terminate()
        self._note("seen", untouched=all(untouched(end) for end in self.kept))


def closed_and_opened(last: int) -> list[int]:
    os.closerange(0, last + 1)
    ends = []
    while not ends or max(ends) < last:
        ends += os.pipe()
    return ends


def closed_and_files(last: int) -> list[int]:
    os.closerange(0, last + 1)
    ends = []
    while not ends or max(ends) < last:
        ends.append(os.open("taken", os.O_RDWR | os.O_CREAT))
    return ends


def covered(last: int) -> list[int]:
    """Never closed: others are put on them."""
    reader, writer = os.pipe()
    for number in range(last + 1):
        os.dup2(reader if number % 2 else writer, number)
    return list(range(last + 1))


OTHERS = {"pipes": closed_and_opened, "files": closed_and_files, "covered": covered}


def untouched(descriptor: int) -> bool:
    """Whether nobody has written to a pipe or file."""
    waiting = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, waiting)
    return waiting[0] == 0 and os.fstat(descriptor).st_size == 0


def taken(moment: str, others: str, child: str = "") -> None:
    made = manager(5)
    made.add(Taken, 2, args=(moment, others, bool(child)))
    made.run()


def collecting() -> None:
    """Whether the garbage collector is on, in manager and worker."""
    made = manager()
    made.register_hooks(
        on_reload=lambda: record("collector", on=gc.isenabled()),
        on_new_worker=note_collector,
    )
    made.add(Web, 1)
    made.run()


def note_collector(*arguments: Any) -> None:
    record("collector", on=gc.isenabled())


if __name__ == "__main__":
    main(globals())
