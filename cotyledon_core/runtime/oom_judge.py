"""Whether a SIGKILL was the kernel's OOM killer's.

Only the kernel's log proves it: it names the process. A counter does not,
however few processes there are: another one that has ended unseen may be the
one that was counted. So where the log cannot be read, or names others, a
counter that has risen is mentioned, and nothing is made of it.
"""

from __future__ import annotations

import signal
from collections.abc import Container, Sequence

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process.oom import Counter, KernelLog, own_counter
from cotyledon_core.runtime.children import WorkerProcess

SIGKILL: int | None = getattr(signal, "SIGKILL", None)


class OomJudge:
    """See the module's description.

    :param living: the pids of the workers that live.
    """

    def __init__(self, living: Container[int], counter: Counter | None, log: KernelLog) -> None:
        self._living = living
        self._counter = counter
        self._log = log
        self._known = self._kills()
        self._named: set[int] = set()

    def started(self, pid: int) -> None:
        """A worker was started: whoever was named by this pid before was somebody else."""
        self._named |= self._log.killed()
        self._named.discard(pid)

    def judge(self, ended: Sequence[tuple[WorkerProcess, ExitStatus]]) -> None:
        """Note with each process whether the OOM killer has ended it."""
        if not ended:
            return
        known, self._known = self._known, self._kills()
        dead = [process for process, status in ended if _is_unexplained(process, status)]
        if not dead:
            return
        self._named |= self._log.killed()
        for process in dead:
            process.oom_killed = process.child.pid in self._named
            if self._known > known and not process.oom_killed:
                process.error = process.error or self._suspicion(self._known - known)
        self._named = {pid for pid in self._named if pid in self._living}

    def _kills(self) -> int:
        return (self._counter and self._counter.kills()) or 0

    def _suspicion(self, kills: int) -> str:
        assert self._counter is not None
        return (
            f"the kernel's OOM killer has killed {kills} of the processes of "
            f"{self._counter.scope} since the last death; whether this one is not known"
        )

    def close(self) -> None:
        self._log.close()


def make(living: Container[int]) -> OomJudge:
    """The judge for the children of this process."""
    return OomJudge(living, own_counter(), KernelLog())


def _is_unexplained(process: WorkerProcess, status: ExitStatus) -> bool:
    return SIGKILL is not None and status.signal == SIGKILL and not process.killed
