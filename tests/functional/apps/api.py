"""Checks of the Python API that need a process of their own.

The first argument names the check; a check that fails ends with a traceback
and status 1, one that passes with status 0.
"""

import contextlib
import gc
import inspect
import multiprocessing
import os
import signal
import socket
import sys
import time
import uuid
import weakref
from collections.abc import Callable
from typing import Any

from support import Recording, context, main, manager, record

import cotyledon_core as cotyledon

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD)


class Once(cotyledon.Service):
    """Stops its manager as soon as it runs."""

    def run(self) -> None:
        record("run", service=self.name, worker_id=self.worker_id)
        os.kill(manager_pid(), signal.SIGTERM)


def manager_pid() -> int:
    """The manager's pid, in a worker."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    assert parent.pid is not None
    return parent.pid


def raises(error: type[Exception], text: str, call: Callable[..., Any], *args: Any) -> None:
    """Check that a call raises this error with this text."""
    found = (None, "")
    try:
        call(*args)
    except Exception as raised:
        found = (type(raised), str(raised))
    assert found == (error, text), found


def refuse_second() -> None:
    text = "Only one instance of ServiceManager per application is allowed"
    cotyledon.ServiceManager()
    raises(RuntimeError, text, cotyledon.ServiceManager)
    cotyledon.ServiceManager._process_runner_already_created = False
    cotyledon.ServiceManager()
    raises(RuntimeError, text, cotyledon.ServiceManager)


def state() -> dict[str, Any]:
    """What a manager may change in its process and has to put back."""
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    return {
        "handlers": {number: signal.getsignal(number) for number in HANDLED},
        "wakeup": wakeup,
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "created": cotyledon.ServiceManager._process_runner_already_created,
    }


def one_after_the_other() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: record("own SIGTERM handler"))
    signal.set_wakeup_fd(ours.fileno())
    context().Event()  # Multiprocessing's own helpers are there from now on.
    states = [state()]
    for _ in range(3):
        made = manager()
        made.add(Once)
        code: Any = "none"
        try:
            made.run()
        except SystemExit as ended:
            code = ended.code
        assert not code, code
        states.append(state())
    assert states[1] == states[2] == states[3], states
    for name in ("handlers", "wakeup", "mask", "created"):
        assert states[0][name] == states[1][name], (name, states)
    os.kill(os.getpid(), signal.SIGTERM)
    del theirs
    record("survived")


def nothing_left() -> None:
    """The first may stay: what is there when it runs is out of garbage collections for good."""
    made = [ran() for _ in range(4)]
    gc.collect()
    assert [each() for each in made[1:]] == [None] * 3


def ran() -> weakref.ref[Any]:
    """A manager that has run, if it is still there."""
    made = manager()
    made.add(Once)
    with contextlib.suppress(SystemExit):
        made.run()
    return weakref.ref(made)


def no_second_run() -> None:
    made = manager()
    made.add(Once)
    try:
        made.run()
    except SystemExit:
        raises(RuntimeError, "this manager has ended; make another one", made.run)
        cotyledon.ServiceManager()


def end_of_an_exception() -> None:
    """A manager that ended by an exception has ended too."""

    def fail(*arguments: Any) -> None:
        raise RuntimeError("on purpose")

    signal.signal(signal.SIGUSR1, fail)
    made = manager()
    made.add(Kicking)
    try:
        made.run()
    except RuntimeError:
        pass
    one_more = manager()
    one_more.add(Once)
    one_more.run()


class Kicking(cotyledon.Service):
    """Has its manager raise."""

    def run(self) -> None:
        while True:
            # Python drops an exception that comes in the middle of a fork.
            os.kill(manager_pid(), signal.SIGUSR1)
            time.sleep(0.1)


def construct_only() -> None:
    manager()
    with open(f"/proc/self/task/{os.getpid()}/children") as children:
        assert not children.read().split()


def signature() -> None:
    found = inspect.signature(cotyledon.ServiceManager).parameters.values()
    ours = inspect.Parameter.KEYWORD_ONLY
    parameters = [parameter for parameter in found if parameter.kind is not ours]
    assert [parameter.name for parameter in parameters] == [
        "wait_interval",
        "graceful_shutdown_timeout",
        "mp_context",
    ]
    defaults = [parameter.default for parameter in parameters]
    assert defaults == [0.01, 60, None], defaults
    for name, expected in {
        "add": ["self", "service", "workers", "args", "kwargs"],
        "reconfigure": ["self", "service_id", "workers"],
        "register_hooks": [
            "self",
            "on_terminate",
            "on_reload",
            "on_new_worker",
            "on_dead_worker",
        ],
        "run": ["self"],
        "shutdown": ["self"],
    }.items():
        found = list(inspect.signature(getattr(cotyledon.ServiceManager, name)).parameters)
        assert found[: len(expected)] == expected, (name, found)


def contexts() -> None:
    made = cotyledon.ServiceManager()
    assert made.mp_context is multiprocessing.get_context()
    made.mp_context = multiprocessing.get_context("spawn")
    assert made.mp_context is multiprocessing.get_context("spawn")
    cotyledon.ServiceManager._process_runner_already_created = False
    chosen = multiprocessing.get_context("forkserver")
    assert cotyledon.ServiceManager(mp_context=chosen).mp_context is chosen


def bad_arguments() -> None:
    made = manager()
    raises(TypeError, "'service' must be a callable", made.add, "foo")
    for workers, kind in (
        (None, "NoneType"),
        (-2, "int"),
        (0, "int"),
        ("2", "str"),
        (1.5, "float"),
    ):
        text = f"'workers' must be an int >= 1, not: {workers} ({kind})"
        raises(ValueError, text, made.add, Once, workers)
    service_id = made.add(Once, workers=3)
    assert isinstance(service_id, uuid.UUID)
    for workers, kind in ((None, "NoneType"), (-5, "int"), (True, "bool"), (1.5, "float")):
        text = f"'workers' must be an int >= 0, not: {workers} ({kind})"
        raises(ValueError, text, made.reconfigure, service_id, workers)
    raises(ValueError, "notexists service id doesn't exists", made.reconfigure, "notexists", 1)
    for kind in ("on_terminate", "on_reload", "on_new_worker", "on_dead_worker"):

        def register(kind: str = kind) -> None:
            hooks: dict[str, Any] = {kind: "foo"}
            made.register_hooks(**hooks)

        raises(TypeError, f"'{kind}' must be a callable", register)


def names() -> None:
    class Plain(cotyledon.Service):
        pass

    class Derived(Plain):
        pass

    class Named(cotyledon.Service):
        name = "a name"

    class Heir(Named):
        pass

    found = [service.name for service in (cotyledon.Service, Plain, Derived, Named, Heir)]
    assert found == ["Service", "Plain", "Derived", "a name", "a name"], found
    assert cotyledon.Service.graceful_shutdown_timeout is None


def types() -> None:
    from cotyledon_core.types import ServiceId, WorkerId

    one = uuid.uuid4()
    assert ServiceId(one) is one
    assert WorkerId(3) == 3


def default_method(method: str) -> None:
    multiprocessing.set_start_method(method)
    made = cotyledon.ServiceManager(graceful_shutdown_timeout=10)
    record("manager")
    made.add(Method)
    made.run()


def late_method(method: str) -> None:
    made = cotyledon.ServiceManager(graceful_shutdown_timeout=10)
    record("manager")
    made.mp_context = multiprocessing.get_context(method)
    made.add(Method)
    made.run()


class Method(Recording):
    """Notes how its process was started."""

    def run(self) -> None:
        record(
            "method",
            fresh=sys.modules["__main__"].__name__ == "__mp_main__",
            child_of_manager=os.getppid() == manager_pid(),
        )
        super().run()


def paced(seconds: str, workers: str) -> None:
    made = manager(wait_interval=float(seconds))
    made.add(Recording, int(workers))
    made.run()


if __name__ == "__main__":
    main(globals())
