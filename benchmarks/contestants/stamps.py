"""How all contestants tell the driver what happened when: one write into one pipe.

A stamp is shorter than ``PIPE_BUF``, so that stamps of many processes never mix.
"""

from __future__ import annotations

import os
import struct
import sys
import time

FD_VARIABLE = "COTYLEDON_BENCHMARK_FD"
"""The environment variable that has the number of the pipe's descriptor."""

MANAGER_RUNS = b"M"
"""The manager is about to start its first worker."""
WORKER_RUNS = b"W"
"""A worker executes user code."""
WORKER_RELOADED = b"R"
"""A worker executes its reload code."""
NEIGHBOUR_CRASHES = b"N"
"""A worker of the crash-looping service is about to end."""
WORKER_TALKS = b"T"
"""A worker is about to say much of itself."""
EVENTS_TOLD = b"E"
"""A notifier in the manager was told all of that."""
LONG_TURN = b"L"
"""The manager was busy between two waits, for microseconds that stand in place of the worker id."""

RECORD = struct.Struct("=cqqd")
"""Kind, pid, worker id, CLOCK_MONOTONIC in seconds."""

FOREVER = 1e9
"""Seconds that a service works; its ``run()`` keeps its thread, as services do."""

WATCHDOG = 10.0
"""Seconds that a watched worker may be silent."""

_fd = int(os.environ.get(FD_VARIABLE, "-1"))


def stamp(kind: bytes, worker_id: int = -1) -> None:
    """Tell the driver that ``kind`` happened now, in this process."""
    os.write(_fd, RECORD.pack(kind, os.getpid(), worker_id, time.monotonic()))


def arguments() -> tuple[int, bool]:
    """The script's arguments: the number of workers, and whether a service crash-loops beside."""
    return int(sys.argv[1]), "neighbour" in sys.argv[2:]


def is_replaced() -> bool:
    """Whether the service has no reload code, by the script's arguments."""
    return "replaced" in sys.argv[2:]


def watchdog() -> float:
    """The seconds of the workers' watchdog, of the script's arguments; 0 for none."""
    return WATCHDOG if "watched" in sys.argv[2:] else 0.0
