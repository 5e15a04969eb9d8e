"""The least that keeps n processes running: fork, waitpid, and nothing that can go wrong handled.

A child writes one stamp and waits for a signal.
"""

from __future__ import annotations

import os
import signal

from benchmarks.contestants.stamps import (
    MANAGER_RUNS,
    WORKER_RELOADED,
    WORKER_RUNS,
    arguments,
    stamp,
)

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def spawn(worker_id: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    stamp(WORKER_RUNS, worker_id)
    while signal.sigwait(SIGNALS) != signal.SIGTERM:
        stamp(WORKER_RELOADED, worker_id)
    os._exit(0)


def reap(workers: dict[int, int], replace: bool) -> None:
    while workers:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if not pid:
            break
        worker_id = workers.pop(pid)
        if replace:
            workers[spawn(worker_id)] = worker_id


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    count, _ = arguments()
    stamp(MANAGER_RUNS)
    workers = {spawn(worker_id): worker_id for worker_id in range(count)}
    stopping = False
    while workers:
        received = signal.sigwait(SIGNALS)
        if received == signal.SIGCHLD:
            reap(workers, replace=not stopping)
            continue
        stopping = stopping or received == signal.SIGTERM
        for pid in workers:
            os.kill(pid, received)


if __name__ == "__main__":
    main()
