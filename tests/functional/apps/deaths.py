"""What is told of workers' ends; the first argument says how they end."""

import ctypes
import faulthandler
import importlib
import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from typing import Any

from support import Recording, main, manager, on_dead_worker, record, wait_at

import cotyledon_core as cotyledon
from cotyledon_core import events
from cotyledon_plugins.services.command import CommandService


class Ends(cotyledon.Notifier):
    """Notes every end."""

    blocking = False

    def notify(self, event: events.Event) -> None:
        if isinstance(event, events.WorkerExited):
            told = event.as_dict()
            del told["event"], told["at"], told["pid"]
            record("exited", worker_pid=event.pid, text=str(event), **told)


def run(*services: Any, **options: Any) -> None:
    """Run the services, a worker of each."""
    made = manager()
    made.register_hooks(on_dead_worker=on_dead_worker)
    made.add_notifier(Ends())
    for service in services:
        made.add(service, **options)
    made.run()


class Burning(cotyledon.Service):
    """Uses CPU time and memory, then ends."""

    name = "burning"

    def run(self) -> None:
        used = bytearray(64 << 20)
        used[::4096] = b"x" * len(used[::4096])
        while time.process_time() < 0.3:
            pass
        os._exit(3)


def burning() -> None:
    run(Burning)


class Unborn(cotyledon.Service):
    """Its construction fails."""

    name = "unborn"

    def __init__(self, worker_id: int) -> None:
        raise LookupError("nothing to do")


class Refusing(cotyledon.Service):
    """Leaves in words."""

    name = "refusing"

    def terminate(self) -> None:
        raise ValueError("on purpose")

    def run(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def failing() -> None:
    """The module of one of the services is gone when the workers look for it."""
    sys.path.insert(0, os.getcwd())
    vanishing = importlib.import_module("vanishing")
    os.unlink("vanishing.py")
    run(Unborn, Refusing, vanishing.make)


class Talking(cotyledon.Service):
    """Writes lines, and ends within one."""

    name = "talking"

    def run(self) -> None:
        record("run", service=self.name, worker_id=self.worker_id)
        wait_at("talk")
        os.write(2, b"one\n\ntwo \xff\r\n")
        for number in range(1000):
            print(f"number {number}", file=sys.stderr)
        subprocess.run(["sh", "-c", "printf 'the rest' >&2"], check=True)
        if self.worker_id == 0:
            self.child = subprocess.Popen(["sleep", "3600"], start_new_session=True)
        os._exit(3)


class Chattering(cotyledon.Service):
    """Writes for ever."""

    name = "chattering"

    def run(self) -> None:
        text = b"chatter" * 1000 + b"\n"
        for number in itertools.count(1):
            os.write(2, text)
            if number % 100 == 0:
                record("chattered", number=number)


class Silent(Recording):
    """Says nothing."""

    name = "silent"


class Orphaned(Recording):
    """Writes when its manager is gone."""

    name = "orphaned"

    def terminate(self) -> None:
        print("where is everybody?", file=sys.stderr, flush=True)
        super().terminate()


class Crashing(cotyledon.Service):
    """Ends by a fatal error."""

    name = "crashing"

    def run(self) -> None:
        if self.worker_id == 0:
            ctypes.string_at(0)
        os.abort()


def fatal(own: str) -> None:
    """The application may have handlers of its own."""
    if own:
        faulthandler.enable()
    run(Crashing, workers=2)


HUNGER = "memory = []\nwhile True: memory.append(bytearray(1 << 20))"


class Hungry(Recording):
    """Needs more memory than there is: for itself, or for a child, whatever comes of that."""

    name = "hungry"

    def run(self) -> None:
        super().run()
        wait_at("hunger")
        if self.worker_id:
            status = subprocess.run([sys.executable, "-c", HUNGER], check=False).returncode
            record("child ended", status=status, parent=os.getpid())
            wait_at("for ever")
        else:
            exec(HUNGER)


def hungry(workers: str) -> None:
    run(Hungry, workers=int(workers))


class RecordingHandler(logging.Handler):
    """Notes what is logged, as slowly as the test wants."""

    def emit(self, logged: logging.LogRecord) -> None:
        wait_at("log")
        record("logged", text=logged.getMessage())


def captured(*names: str) -> None:
    logging.getLogger("cotyledon_core.stderr").addHandler(RecordingHandler())
    found = {cls.name: cls for cls in (Talking, Chattering, Silent, Orphaned)}
    run(*(found[name] for name in names), capture_stderr=True)


def program(command: str) -> None:
    """An external program."""
    logging.getLogger("cotyledon_core.stderr").addHandler(RecordingHandler())
    run(CommandService, kwargs={"command": command}, capture_stderr=True)


if __name__ == "__main__":
    main(globals())
