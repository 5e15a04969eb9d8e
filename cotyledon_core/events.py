"""The closed set of events that hooks and notifiers are told, after the fact.

New fields and types may be added; none is renamed or removed within a major version.
"""

from __future__ import annotations

from cotyledon_core.event import Event as Event
from cotyledon_core.plugins.restart_policy import Cause, ExitStatus, Phase
from cotyledon_core.types import ServiceId, WorkerId
from cotyledon_core.waited import Waited as Waited


class ManagerStarted(Event):
    """The manager begins to supervise."""

    kind = "manager_started"
    pid: int
    name: str
    events_version: int = 1
    """Of the set of events; another one if a kind or field is ever removed or changed."""

    def __str__(self) -> str:
        return f"manager {self.name} started, pid {self.pid}"


class ManagerReady(Event):
    """Every service has had all its workers ready once, or has ended for good before."""

    kind = "manager_ready"
    services: int
    workers: int
    lost: tuple[str, ...] = ()
    """Services that were given up, or have a worker that failed for good; others are counted."""

    def __str__(self) -> str:
        lost = f"; lost: {', '.join(self.lost)}" if self.lost else ""
        return f"manager ready: {self.services} services, {self.workers} workers{lost}"


class ManagerReloading(Event):
    """A reload begins."""

    kind = "manager_reloading"

    def __str__(self) -> str:
        return "manager reloading"


class ManagerReloaded(Event):
    """A reload is over; every worker that it concerns has come to it.

    Unless another was asked for while workers were reloading in place: then it
    has begun, and they have yet to answer.
    """

    kind = "manager_reloaded"
    reloaded: int = 0
    """Workers that have reloaded in place."""
    replaced: int = 0
    """Workers with a new process."""
    duration: float = 0.0
    """Seconds."""

    def __str__(self) -> str:
        return (
            f"manager reloaded after {self.duration:.3f} s: "
            f"{self.reloaded} workers in place, {self.replaced} replaced"
        )


class ReloadFailed(Event):
    """A reload was refused, or has stopped half-way: a worker was lost."""

    kind = "reload_failed"
    error: str
    service: str = ""
    """Where a worker was lost; empty if the reload was refused and nothing has changed."""

    def __str__(self) -> str:
        if self.service:
            return f"reload failed, no more workers are replaced: {self.error}"
        return f"reload failed, the running configuration stays: {self.error}"


class ReloadUndone(Event):
    """What had been changed by a reload that failed is as it was before, where that is wanted."""

    kind = "reload_undone"
    error: str = ""
    """What has prevented that, if anything."""

    def __str__(self) -> str:
        how = f" in part only: {self.error}" if self.error else ""
        return f"the failed reload is undone{how}"


class ManagerStopping(Event):
    """A stop was accepted; no worker is started any more."""

    kind = "manager_stopping"
    graceful: bool = True
    """False for an end at once: no hook is run any more."""
    reason: str = ""
    """Why, if the manager had a reason of its own."""

    def __str__(self) -> str:
        how = "manager stopping" if self.graceful else "manager stopping at once"
        return f"{how}: {self.reason}" if self.reason else how


class ManagerStopped(Event):
    """The last worker is gone; the last event."""

    kind = "manager_stopped"
    status: int
    error: str = ""
    """What the manager has failed of, if it has not stopped by a decision."""
    errno: int | None = None
    """The system's number of that error, if it has one."""

    def __str__(self) -> str:
        why = f": {self.error}" if self.error else ""
        return f"manager stopped, exit status {self.status}{why}"


class ServiceEvent(Event):
    """Base of the events that concern one service."""

    service: str
    service_id: ServiceId


class ServiceAdded(ServiceEvent):
    kind = "service_added"
    workers: int

    def __str__(self) -> str:
        return f"service {self.service} added, {self.workers} workers"


class ServiceRemoved(ServiceEvent):
    """The service was removed from the configuration, and its last worker is gone."""

    kind = "service_removed"

    def __str__(self) -> str:
        return f"service {self.service} removed"


class ServiceScaled(ServiceEvent):
    kind = "service_scaled"
    old_workers: int
    workers: int

    def __str__(self) -> str:
        return f"service {self.service} scaled from {self.old_workers} to {self.workers} workers"


class ServiceGivenUp(ServiceEvent):
    """No worker of the service is started again that has ended; those that run go on."""

    kind = "service_given_up"
    reason: str

    def __str__(self) -> str:
        return f"service {self.service} given up: {self.reason}"


class ServiceRevived(ServiceEvent):
    """What was given up, or left ended by the restart policy, is started again."""

    kind = "service_revived"

    def __str__(self) -> str:
        return f"service {self.service} is started again"


class ServiceCommanded(ServiceEvent):
    """An operator has stopped, started or restarted a service, or one worker of it."""

    kind = "service_commanded"
    command: str
    worker: int | None = None
    """The worker's number; None for all."""

    def __str__(self) -> str:
        whom = self.service if self.worker is None else f"{self.service}({self.worker})"
        return f"an operator commands {whom}: {self.command}"


class ServiceRestartFailed(ServiceEvent):
    """A rolling restart has stopped half-way: nobody else is replaced."""

    kind = "service_restart_failed"
    reason: str

    def __str__(self) -> str:
        return f"rolling restart of service {self.service} failed: {self.reason}"


class WorkerEvent(ServiceEvent):
    """Base of the events that concern one incarnation of a worker."""

    worker_id: WorkerId
    incarnation: int
    pid: int | None
    """None if there was no process."""

    @property
    def worker(self) -> str:
        """For people: service and worker id."""
        return f"{self.service}({self.worker_id})"


class WorkerSpawned(WorkerEvent):
    kind = "worker_spawned"

    def __str__(self) -> str:
        return f"worker {self.worker} spawned, pid {self.pid}"


class WorkerReady(WorkerEvent):
    kind = "worker_ready"
    start_duration: float
    """Seconds from the spawn."""

    def __str__(self) -> str:
        return f"worker {self.worker} ready after {self.start_duration:.3f} s, pid {self.pid}"


class WorkerExited(WorkerEvent):
    """A worker's process ended; told exactly once for each."""

    kind = "worker_exited"
    status: ExitStatus
    cause: Cause
    phase: Phase
    uptime: float
    """Seconds from the spawn to the end."""
    asked: bool
    """Whether the manager had asked for it (stop, scale, replacement, recycling)."""
    forced: bool = False
    """Whether the manager had sent SIGKILL."""
    detail: str = ""
    """What is known beyond the status, such as the error of a failed start."""
    cpu_user: float | None = None
    """CPU seconds in user mode, of the process and of the children that it has waited for.

    None, as for the next two, if it is not the manager's child, as with ``forkserver``.
    """
    cpu_system: float | None = None
    """CPU seconds in the kernel, likewise."""
    peak_memory: int | None = None
    """The greatest resident memory in bytes, of the process or of one of these children.

    Memory that is shared counts too: a forked worker begins with what the manager has resident
    then. An executed program and a worker of ``spawn`` do not show less than the manager had.
    """
    busy_seconds: float = 0.0
    """How long it was at work, as measured by :meth:`.Service.busy`."""
    units: int = 0
    """How many units of work it has finished, likewise."""
    oom_killed: bool = False
    """Whether the SIGKILL that ended the process was the kernel's OOM killer's.

    True only if the kernel's log names the process. For that the manager must be allowed to read
    /dev/kmsg and live in no pid namespace (container) of its own. Otherwise ``detail`` says if the
    OOM killer was active in the manager's control group, or without one on the machine.
    """
    dump: str = ""
    """The Python stacks at a fatal error of the interpreter, such as a segmentation fault.

    Empty where the application has enabled :mod:`faulthandler`: it says where they are written.
    """
    stderr_tail: str = ""
    """The last 4 KiB that the process wrote to standard error, with ``capture_stderr``."""

    def __str__(self) -> str:
        how = f"{self.cause.value}, " if self.cause is not Cause.EXITED else ""
        why = ", asked for" if self.asked else ""
        how += "by the kernel's OOM killer, " if self.oom_killed else ""
        more = f": {self.detail}" if self.detail else ""
        return (
            f"worker {self.worker} ended after {self.uptime:.3f} s, "
            f"{how}{self.status}{why}, pid {self.pid}{self._usage()}{more}"
        )

    def _usage(self) -> str:
        if self.cpu_user is None or self.cpu_system is None or self.peak_memory is None:
            return ""
        cpu = self.cpu_user + self.cpu_system
        return f", {cpu:.2f} s of CPU, peak memory {self.peak_memory / 2**20:.1f} MiB"


class WorkerRestarting(WorkerEvent):
    """The restart policy granted a restart."""

    kind = "worker_restarting"
    delay: float
    """Seconds until the start."""
    reason: str = ""
    """The end that it follows."""

    def __str__(self) -> str:
        why = f" after: {self.reason}" if self.reason else ""
        return f"worker {self.worker} restarts in {self.delay:.3f} s{why}"


class WorkerHung(WorkerEvent):
    """A worker has to be ended by force."""

    kind = "worker_hung"
    waited_for: Waited
    dump: str
    """The Python stacks of all its threads; empty if it could not write them."""

    def __str__(self) -> str:
        stacks = "see its stacks" if self.dump else "it could not write its stacks"
        return f"worker {self.worker} hangs, no {self.waited_for.value}, pid {self.pid}; {stacks}"


class WorkerRecycled(WorkerEvent):
    """A worker that had reached a bound has ended as it was asked to; another takes its place."""

    kind = "worker_recycled"
    reason: str
    """Names the bound."""

    def __str__(self) -> str:
        return f"worker {self.worker} recycled: {self.reason}"


class WorkerStopped(WorkerEvent):
    """The restart policy left the worker ended."""

    kind = "worker_stopped"
    reason: str
    clean: bool = True
    """Whether the worker has done what it was for."""

    def __str__(self) -> str:
        return f"worker {self.worker} is not restarted: {self.reason}"


class WorkerStatus(WorkerEvent):
    """A worker said what it is doing (``STATUS=`` of sd_notify)."""

    kind = "worker_status"
    text: str

    def __str__(self) -> str:
        return f"worker {self.worker}: {self.text}"


class HookFailed(Event):
    """A hook raised; the remaining hooks of its kind were not run."""

    kind = "hook_failed"
    hook: str
    error: str

    def __str__(self) -> str:
        return f"{self.hook} hook failed: {self.error}"


class NotifierDisabled(Event):
    """A notifier failed too often and is told nothing any more."""

    kind = "notifier_disabled"
    notifier: str
    error: str

    def __str__(self) -> str:
        return f"notifier {self.notifier} disabled: {self.error}"


class EventsDropped(Event):
    """Events are missing here; told only to the notifier that was to be told them."""

    kind = "events_dropped"
    count: int
    reason: str

    def __str__(self) -> str:
        return f"{self.count} events dropped: {self.reason}"
