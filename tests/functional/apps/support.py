"""What the applications share: records for the test, and services that make them."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from typing import Any

import cotyledon_core as cotyledon

if hasattr(signal, "SIGQUIT"):
    # a shell has what it runs in the background ignore it
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def record(event: str, **fields: Any) -> None:
    """Note something for the test. Holds no descriptor and takes no lock."""
    fields = {"event": event, "pid": os.getpid(), "at": time.monotonic(), **fields}
    line = json.dumps(fields).encode() + b"\n"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    descriptor = os.open(os.environ["RECORDS"], flags, 0o666)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def context() -> Any:
    """The multiprocessing context that the test chose."""
    return multiprocessing.get_context(os.environ["START_METHOD"])


def manager(
    grace: int = 10, cls: type[cotyledon.ServiceManager] = cotyledon.ServiceManager, **options: Any
) -> cotyledon.ServiceManager:
    """A manager with the chosen start method; it notes its pid."""
    made = cls(graceful_shutdown_timeout=grace, mp_context=context(), **options)
    record("manager")
    return made


def watch(manager: cotyledon.ServiceManager) -> None:
    """Note every call of a hook."""
    manager.register_hooks(on_terminate, on_reload, on_new_worker, on_dead_worker)


def on_terminate() -> None:
    record("on_terminate")


def on_reload() -> None:
    record("on_reload")


def on_new_worker(service_id: Any, worker_id: int, service: Any) -> None:
    record("on_new_worker", id=str(service_id), worker_id=worker_id, service=service.name)


def on_dead_worker(service_id: Any, worker_id: int, exit_code: int) -> None:
    record("on_dead_worker", id=str(service_id), worker_id=worker_id, status=exit_code)


def gate(name: str) -> str:
    """The path of a gate, at which :func:`wait_at` waits while it is shut."""
    return os.path.join(os.path.dirname(os.environ["RECORDS"]), f"gate-{name}")


def wait_at(name: str) -> None:
    """Wait while the test keeps the gate shut."""
    while os.path.exists(gate(name)):
        time.sleep(0.005)


def wait_until_open() -> None:
    """Wait at a gate that is shut from the beginning, until the test opens it for good."""
    while not os.path.exists(gate("open")):
        time.sleep(0.005)


def hold_gil() -> None:
    """Wait in C for ever, with the interpreter's lock held, whatever signals come."""
    import ctypes

    lock = ctypes.PyDLL(None).pthread_mutex_lock
    mutex = ctypes.create_string_buffer(64)
    lock(mutex)
    lock(mutex)


def sleep_long() -> None:
    """Sleep for an hour, whatever signals come."""
    end = time.monotonic() + 3600
    while time.monotonic() < end:
        time.sleep(end - time.monotonic())


def ignore_signals() -> None:
    """Ignore every signal that can be ignored."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)


class Recording(cotyledon.Service):
    """Notes what happens to it. Has no ``reload()``, so SIGHUP replaces it."""

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        self._note("init", predecessor_alive=self._succeed())

    def run(self) -> None:
        self._note("run")

    def terminate(self) -> None:
        self._note("terminate")

    def _note(self, event: str, **fields: Any) -> None:
        record(event, service=self.name, worker_id=self.worker_id, **fields)

    def _succeed(self) -> bool:
        """Take the place of this worker's last process; whether that still lives."""
        path = gate(f"{self.name}-{self.worker_id}.pid")
        try:
            with open(path) as file:
                predecessor = file.read()
            with open(f"/proc/{predecessor}/stat") as file:
                alive = file.read().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            alive = False
        with open(path, "w") as file:
            file.write(str(os.getpid()))
        return alive


class Reloading(Recording):
    """Reloads in place."""

    def reload(self) -> None:
        self._note("reload")


def main(scenarios: dict[str, Any]) -> None:
    """Run the scenario that the command line names, with the rest as its arguments."""
    scenarios[sys.argv[1]](*sys.argv[2:])
