"""An external program: notes what it was given, then does what its arguments say.

``exit N``, ``die SIGNAL``, ``serve`` (until SIGTERM or SIGINT), or, and then serve, ``notify
TEXT``, ``nonsense`` (says some), ``ready`` (says so when a gate opens), ``beat N`` (so many
heartbeats).
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import time
from types import FrameType

from support import record, wait_at

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


def main(act: str, argument: str = "", *_: str) -> None:
    umask = os.umask(0)
    if act not in ("exit", "die"):
        for number in SIGNALS:
            signal.signal(number, on_signal)
    record(
        "program",
        ppid=os.getppid(),
        directory=os.getcwd(),
        umask=umask,
        nofile=list(resource.getrlimit(resource.RLIMIT_NOFILE)),
        greeting=os.environ.get("GREETING"),
        watchdog=[os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID")],
        arguments=sys.argv[1:],
        listen=[os.environ.get(f"LISTEN_{name}") for name in ("PID", "FDS", "FDNAMES")],
        passed=passed(),
    )
    if act == "exit":
        sys.exit(int(argument))
    if act == "die":
        os.kill(os.getpid(), int(argument))
    say(act, argument)
    while True:
        # not pause(): a signal that comes just before it would wait for the next one
        time.sleep(0.05)


def passed() -> list[str]:
    """Where each descriptor from 3 on listens, as far as it does; and whether it outlives exec."""
    found = []
    for number in range(3, 3 + int(os.environ.get("LISTEN_FDS", "0"))):
        with socket.socket(fileno=os.dup(number)) as copy:
            assert copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            assert os.get_inheritable(number)
            found.append(os.path.basename(copy.getsockname()))
    return found


def say(act: str, argument: str) -> None:
    if act == "notify":
        notify(f"READY=1\nSTATUS={argument}")
    if act == "nonsense":
        for line in (f"EXTEND_TIMEOUT_USEC={'9' * 400}", "X_STOP_SIGNAL=999", "X_LEAVE=1"):
            notify(line)
        notify("READY=1\nSTATUS=nonsense was said")
    if act == "ready":
        wait_at("ready")
        record("opened")
        notify("READY=1")
    if act == "beat":
        for _ in range(int(argument)):
            notify("WATCHDOG=1")
            time.sleep(int(os.environ["WATCHDOG_USEC"]) / 2e6)
        record("silent")


def on_signal(number: int, frame: FrameType | None) -> None:
    record("program_signal", number=number)
    if number in (signal.SIGTERM, signal.SIGINT):
        sys.exit(0)


def notify(message: str) -> None:
    address = os.environ["NOTIFY_SOCKET"]
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(message.encode(), address)


main(*sys.argv[1:])
