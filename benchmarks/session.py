"""One contestant's process and its workers, started, observed and ended by the driver."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NamedTuple

from benchmarks import procfs
from benchmarks.contestants import stamps

SETTLING = 0.2
SETTLING_PER_WORKER = 0.001
"""Seconds that a contestant gets to come to rest before the next thing is asked of it."""
PATIENCE = 60.0
"""Seconds after which a contestant that does not answer has failed."""
POLL_INTERVAL = 0.001
"""Seconds between two looks into the pipe. Stamps carry their own time; a driver that woke for
each would compete with the contestants for the processor."""


class SessionError(Exception):
    """The contestant did not do what was to be measured."""


class Overdue(Exception):
    """It took longer than the given limit, in seconds."""

    def __init__(self, limit: float) -> None:
        super().__init__(f"more than {limit:g} s")
        self.limit = limit


class Stamp(NamedTuple):
    kind: bytes
    pid: int
    worker_id: int
    at: float


class Session:
    """A running contestant."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.stamps: list[Stamp] = []
        self._partial = b""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in __exit__
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        self.launched = time.monotonic()
        """When the contestant's program was started."""
        try:
            self._process = subprocess.Popen(
                argv,
                env={**env, stamps.FD_VARIABLE: str(write_end)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(write_end,),
                start_new_session=True,
                preexec_fn=procfs.end_with_parent,
            )
        finally:
            os.close(write_end)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kill_all()
        os.close(self._pipe)
        self._errors.close()

    @property
    def pid(self) -> int:
        """The manager's."""
        return self._process.pid

    def workers(self) -> dict[int, int]:
        """The pid of each worker id's newest process."""
        return {
            stamp.worker_id: stamp.pid for stamp in self.stamps if stamp.kind == stamps.WORKER_RUNS
        }

    def wait_for(
        self, kind: bytes, count: int, since: float = 0.0, limit: float = PATIENCE
    ) -> float:
        """Wait for ``count`` stamps of ``kind``, written at the time ``since`` or later.

        :return: the time of the last of them.
        :raises Overdue: it takes more than ``limit`` seconds.
        """
        deadline = time.monotonic() + limit
        while True:
            alive = self._process.poll() is None
            self._read()
            found = [each.at for each in self.stamps if each.kind == kind and each.at >= since]
            if len(found) >= count:
                return max(found[:count])
            if not alive:
                raise SessionError(f"exit status {self._process.returncode}: {self._complaint()}")
            if time.monotonic() > deadline:
                raise Overdue(limit)
            time.sleep(POLL_INTERVAL)

    def settle(self) -> None:
        """Let the contestant come to rest."""
        time.sleep(SETTLING + SETTLING_PER_WORKER * len(self.workers()))
        self._read()

    def stop(self) -> float:
        """Send SIGTERM to the manager and wait until it and all workers are gone.

        :return: seconds that it took.
        """
        workers = self.workers().values()
        pidfd = os.pidfd_open(self.pid)
        try:
            begin = time.monotonic()
            os.kill(self.pid, signal.SIGTERM)
            if not select.select([pidfd], [], [], PATIENCE)[0]:
                raise Overdue(PATIENCE)
        finally:
            os.close(pidfd)
        while not all(_gone(pid) for pid in workers):
            if time.monotonic() > begin + PATIENCE:
                raise Overdue(PATIENCE)
        end = time.monotonic()
        if self._process.wait():
            raise SessionError(f"exit status {self._process.returncode}: {self._complaint()}")
        return end - begin

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._pipe, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                return
            data = self._partial + data
            whole = len(data) - len(data) % stamps.RECORD.size
            self._partial = data[whole:]
            self.stamps.extend(map(Stamp._make, stamps.RECORD.iter_unpack(data[:whole])))

    def _complaint(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def _kill_all(self) -> None:
        """End the contestant and whatever it left; orphans were adopted by the driver."""
        self._process.kill()
        self._process.wait()
        while left := procfs.descendants(os.getpid()):
            for pid in left:
                if not _gone(pid):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_INTERVAL)


def _gone(pid: int) -> bool:
    """Whether the process is no more; an orphan that was left to us is reaped."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
