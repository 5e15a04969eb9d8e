"""Managers with children that are no workers; the first argument says which."""

import ctypes
import os
import signal
import subprocess
import threading
import time
from typing import Any

from support import Recording, Reloading, main, manager, record, watch

PR_SET_CHILD_SUBREAPER = 36


class Web(Reloading):
    name = "web"


class Five(Recording):
    """Exits 5 when asked to end, and leaves an orphan that ends at once."""

    name = "five"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        leave_orphans(3)

    def terminate(self) -> None:
        super().terminate()
        raise SystemExit(5)


def leave_orphans(count: int) -> None:
    """Children of a child that has ended."""
    child = os.fork()
    if child == 0:
        for _ in range(count):
            if os.fork() == 0:
                time.sleep(0.02)
                os._exit(6)
        os._exit(0)
    os.waitpid(child, 0)


def ten_unwaited() -> None:
    """A hook leaves ten children that have ended, and waits for them much later."""
    pids: list[int] = []

    def leave() -> None:
        if pids:
            statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
            record("waited", statuses=statuses)
            return
        for status in range(10):
            pid = os.fork()
            if pid == 0:
                os._exit(status)
            pids.append(pid)
        record("left")

    made = manager()
    watch(made)
    made.register_hooks(on_reload=leave)
    made.add(Web, 4)
    made.run()


def statuses() -> None:
    """Hooks run programs and look at their exit statuses, at once or later."""
    running: list[Any] = []

    def run(*arguments: Any) -> None:
        at_once = subprocess.run(["sh", "-c", "exit 7"], check=False).returncode
        running.append(subprocess.Popen(["sh", "-c", "sleep 0.05; exit 8"]))
        record("at_once", status=at_once)

    def wait() -> None:
        record("later", statuses=[process.wait() for process in running])

    made = manager()
    watch(made)
    made.register_hooks(on_reload=run, on_dead_worker=run, on_terminate=wait)
    made.add(Web, 4)
    made.run()


def thread_of_programs() -> None:
    """From SIGUSR1 on a thread of the manager's runs programs all the time."""

    def work() -> None:
        while True:
            status = subprocess.run(["sh", "-c", "exit 9"], check=False).returncode
            record("at_once", status=status)

    thread = threading.Thread(target=work, daemon=True)
    signal.signal(signal.SIGUSR1, lambda number, frame: thread.start())
    made = manager()
    watch(made)
    made.add(Web, 4)
    made.run()


def orphans(workers: str, adopt: str = "") -> None:
    """As process 1, or as another adopter, the manager gets the orphans."""
    if adopt:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    made = manager()
    watch(made)
    made.add(Five, int(workers))
    made.run()


if __name__ == "__main__":
    main(globals())
