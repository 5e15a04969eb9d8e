"""Wrong arguments to the manager, and what it is before it runs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any
from uuid import UUID, uuid4

import pytest

import cotyledon_core as cotyledon
from cotyledon_core.event_log import EventLog
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.process import title
from cotyledon_core.runtime.notifiers import with_defaults
from cotyledon_core.types import ServiceId
from cotyledon_plugins.notifiers.systemd.notifier import Systemd

SIGNALS = [
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGALRM", "SIGCHLD", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
]


class Something(cotyledon.Service):
    pass


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A manager may be made; what making it does to this process is undone."""
    monkeypatch.setattr(title, "set_title", lambda title: None)
    monkeypatch.setattr(os, "setsid", lambda: None, raising=False)
    monkeypatch.setattr(cotyledon.ServiceManager, "_process_runner_already_created", False)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def manager() -> cotyledon.ServiceManager:
    return cotyledon.ServiceManager()


def refused(
    kind: type[Exception], text: str, call: Callable[..., Any], *args: Any, **kw: Any
) -> None:
    with pytest.raises(kind) as caught:
        call(*args, **kw)
    assert str(caught.value) == text


# -- add


@pytest.mark.parametrize("service", ["foo", None, 3, object()])
def test_what_is_added_must_be_callable(manager: Any, service: Any) -> None:
    refused(TypeError, "'service' must be a callable", manager.add, service)


NUMBERS = [
    (None, "None (NoneType)"),
    (-2, "-2 (int)"),
    (1.0, "1.0 (float)"),
    ("1", "1 (str)"),
    (True, "True (bool)"),
]


@pytest.mark.parametrize(("workers", "shown"), [*NUMBERS, (0, "0 (int)")])
def test_the_number_of_workers_to_add(manager: Any, workers: Any, shown: str) -> None:
    text = f"'workers' must be an int >= 1, not: {shown}"
    refused(ValueError, text, manager.add, Something, workers=workers)


@pytest.mark.parametrize(("workers", "shown"), [*NUMBERS, (-5, "-5 (int)")])
def test_the_number_of_workers_to_scale_to(manager: Any, workers: Any, shown: str) -> None:
    service_id = manager.add(Something, workers=3)
    text = f"'workers' must be an int >= 0, not: {shown}"
    refused(ValueError, text, manager.reconfigure, service_id, workers=workers)


@pytest.mark.parametrize("workers", [-1, 3])
def test_an_unknown_service_cannot_be_scaled(manager: Any, workers: int) -> None:
    manager.add(Something)
    for service_id in ("notexists", ServiceId(UUID(int=7))):
        text = f"{service_id} service id doesn't exists"
        refused(ValueError, text, manager.reconfigure, service_id, workers=workers)


def test_none_is_a_number_of_workers_to_scale_to(manager: Any) -> None:
    manager.reconfigure(manager.add(Something), 0)


def test_anything_callable_may_be_added_and_twice(manager: Any) -> None:
    ids = {
        manager.add(Something),
        manager.add(Something, 2, args=(1,), kwargs={"a": 1}),
        manager.add(lambda worker_id: Something(worker_id)),
        manager.add(Something, 3, (1,), {"a": 1}),
    }
    assert len(ids) == 4
    assert all(isinstance(service_id, UUID) for service_id in ids)


def test_names_are_made_unique(manager: Any) -> None:
    for name in (None, "web", None, "web", "Something"):
        manager.add(Something, name=name)
    assert list(manager._registry.ids) == [
        "Something",
        "web",
        "Something-2",
        "web-2",
        "Something-3",
    ]


def test_many_threads_may_add(manager: Any) -> None:
    threads = [
        threading.Thread(target=lambda: [manager.add(Something) for _ in range(20)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(manager._registry.ids) == len(set(manager._registry.ids.values())) == 160


def policy_of(manager: Any, service_id: ServiceId) -> Any:
    return manager._engine.definitions[service_id].restart_policy


def test_a_policy_is_an_instance_or_a_name(manager: Any) -> None:
    policy = cotyledon.Limited(max_restarts=5, period=60)
    assert policy_of(manager, manager.add(Something, 4, restart_policy=policy)) is policy
    assert policy_of(manager, manager.add(Something)) is None


@pytest.mark.skipif(
    not metadata.entry_points(group="cotyledon.restart_policies"),
    reason="the project is not installed: no entry points",
)
def test_a_policys_name_is_looked_up(manager: Any) -> None:
    named = policy_of(manager, manager.add(Something, restart_policy="on-failure"))
    assert type(named) is cotyledon.OnFailure
    with pytest.raises(cotyledon.PluginError, match="no plugin 'on-failrue'; did you mean"):
        manager.add(Something, restart_policy="on-failrue")


@pytest.mark.parametrize("policy", [3, object(), cotyledon.Always])
def test_what_is_no_policy_is_refused(manager: Any, policy: Any) -> None:
    refused(
        TypeError,
        "'restart_policy' must be an instance of RestartPolicy, or the name of one, "
        f"not: {policy!r}",
        manager.add,
        Something,
        restart_policy=policy,
    )
    assert not manager._registry.ids


@pytest.mark.parametrize("when", ["notifyed", "", True, 3])
def test_when_a_class_is_ready_is_known(manager: Any, when: Any) -> None:
    class Wrong(cotyledon.Service):
        ready_when = when

    text = f"Wrong: ready_when is {when!r}; it must be one of booted, notified"
    refused(TypeError, text, manager.add, Wrong)
    assert not manager._registry.ids


@pytest.mark.parametrize("name", ["run", "terminate", "reload"])
def test_nothing_awaits_the_coroutines_of_a_plain_service(manager: Any, name: str) -> None:
    async def coroutine(self: Any) -> None: ...

    plain = type("Wrong", (cotyledon.Service,), {name: coroutine})
    right = "it must be a plain method, or derive from AsyncService"
    text = f"Wrong: {name}() is a coroutine or a generator; {right}"
    refused(TypeError, text, manager.add, plain)
    assert not manager._registry.ids
    manager.add(type("Right", (cotyledon.AsyncService,), {name: coroutine}))


def test_a_generator_does_nothing_either(manager: Any) -> None:
    class Wrong(cotyledon.AsyncService):
        async def run(self) -> Any:
            yield

    text = "Wrong: run() is no coroutine; it must be async def, without yield"
    refused(TypeError, text, manager.add, Wrong)


@pytest.mark.parametrize("when", ["booted", "notified", None])
def test_when_a_class_may_be_ready(manager: Any, when: Any) -> None:
    class Right(cotyledon.Service):
        ready_when = when

    manager.add(Right)
    manager.add(lambda worker_id: Right(worker_id))


@pytest.mark.parametrize(
    ("name", "near"),
    [("start_timout", "start_timeout"), ("worker", "workers"), ("restart_polcy", "restart_policy")],
)
def test_an_option_that_there_is_not(manager: Any, name: str, near: str) -> None:
    text = f"add() has no option {name!r}; did you mean {near}?"
    refused(TypeError, text, manager.add, Something, **{name: 5})
    assert not manager._registry.ids


def test_all_options_that_there_are_not(manager: Any) -> None:
    with pytest.raises(TypeError) as caught:
        manager.add(Something, xyzzy=1, max_task=2)
    first, second = str(caught.value).splitlines()
    assert first.startswith("add() has no option 'xyzzy'; there are workers, args, kwargs, name, ")
    assert second == "add() has no option 'max_task'; did you mean max_tasks?"


# -- hooks and notifiers


KINDS = ["on_terminate", "on_reload", "on_new_worker", "on_dead_worker"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hook", ["foo", 3, object()])
def test_hooks_must_be_callable(manager: Any, kind: str, hook: Any) -> None:
    refused(TypeError, f"'{kind}' must be a callable", manager.register_hooks, **{kind: hook})


def test_hooks_are_registered_in_the_order_of_cotyledon(manager: Any) -> None:
    hooks = [lambda *args: None for _ in KINDS]
    manager.register_hooks(*hooks)
    manager.register_hooks()
    registered = manager._engine.hooks
    assert [
        registered.terminate,
        registered.reload,
        registered.new_worker,
        registered.dead_worker,
    ] == [[hook] for hook in hooks]


class Silent(Notifier):
    def notify(self, event: Any) -> None: ...


def test_notifiers_have_names_of_their_own(manager: Any) -> None:
    for name in (None, None, "log"):
        manager.add_notifier(Silent(), name)
    assert list(with_defaults(manager._notifiers)) == ["log-2", "Silent", "Silent-2", "log"]


class OwnLog(EventLog):
    """Says it in another way."""


def test_a_notifier_takes_the_place_of_a_default_one_of_its_kind(
    manager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    assert list(with_defaults({})) == ["log", "systemd"]
    own = Silent(), OwnLog(), Systemd(socket="/elsewhere"), Systemd(socket="/nowhere")
    for notifier in own:
        manager.add_notifier(notifier)
    assert list(with_defaults(manager._notifiers).values()) == list(own)


# -- one manager at a time


def test_a_second_manager_is_refused(manager: Any) -> None:
    refused(
        RuntimeError,
        "Only one instance of ServiceManager per application is allowed",
        cotyledon.ServiceManager,
    )


def test_a_constructor_that_fails_leaves_nothing() -> None:
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    with pytest.raises(ValueError, match="soon"):
        cotyledon.ServiceManager(wait_interval="soon")  # type: ignore[arg-type]
    assert {number: signal.getsignal(number) for number in SIGNALS} == handlers
    cotyledon.ServiceManager()


@pytest.mark.parametrize("seconds", [-3, "60", float("nan"), float("inf")])
def test_a_wrong_grace_period_is_named(seconds: Any) -> None:
    text = f"graceful_shutdown_timeout: {seconds!r} is not a number of 0 or more"
    refused(ValueError, text, cotyledon.ServiceManager, graceful_shutdown_timeout=seconds)


def test_test_suites_may_reset_it(manager: Any) -> None:
    for _ in range(3):
        cotyledon.ServiceManager._process_runner_already_created = False
        assert cotyledon.ServiceManager() is not manager
        assert cotyledon.ServiceManager._process_runner_already_created


def test_a_derived_manager_is_one_too() -> None:
    class Derived(cotyledon.ServiceManager):
        def __init__(self) -> None:
            super().__init__()
            self.service_id = self.add(Something)

    Derived()
    with pytest.raises(RuntimeError):
        Derived()
    with pytest.raises(RuntimeError):
        cotyledon.ServiceManager()


def test_constructing_forks_and_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> int:
        raise AssertionError("forked")

    monkeypatch.setattr(os, "fork", never, raising=False)
    descriptors = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    threads = threading.active_count()
    cotyledon.ServiceManager().add(Something, 100)
    assert threading.active_count() == threads
    if descriptors:
        assert os.listdir("/proc/self/fd") == descriptors


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="POSIX signals")
def test_signals_of_the_applications_own_stay() -> None:
    def own(number: int, frame: Any) -> None: ...

    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, own)
    cotyledon.ServiceManager()
    assert [signal.getsignal(n) for n in (signal.SIGUSR1, signal.SIGUSR2)] == [own, own]


# -- its arguments


def test_the_default_context_is_fork_or_what_was_set() -> None:
    manager = cotyledon.ServiceManager()
    assert manager.mp_context.get_start_method() == (
        multiprocessing.get_start_method(allow_none=True) or "fork"
    )


def test_the_context_may_be_given_and_set() -> None:
    spawn, forkserver = map(multiprocessing.get_context, ("spawn", "forkserver"))
    manager = cotyledon.ServiceManager(mp_context=spawn)
    assert manager.mp_context is spawn
    manager.mp_context = forkserver
    assert manager.mp_context is forkserver
    manager.mp_context = None
    assert manager.mp_context is not None


def test_arguments_by_position_as_in_cotyledon() -> None:
    spawn = multiprocessing.get_context("spawn")
    manager = cotyledon.ServiceManager(0.5, 10, spawn)
    assert (manager._engine.spawn_interval, manager._graceful_shutdown_timeout) == (0.5, 10)
    assert manager.mp_context is spawn


@pytest.mark.parametrize(
    ("given", "interval"),
    [({}, 0.0), ({"wait_interval": 0.01}, 0.01), ({"wait_interval": 1}, 1.0)],
)
def test_the_wait_interval_counts_only_where_it_is_given(
    given: dict[str, float], interval: float
) -> None:
    assert cotyledon.ServiceManager(**given)._engine.spawn_interval == interval  # type: ignore[arg-type]


def test_the_grace_period_may_change_before_it_runs(manager: Any) -> None:
    assert manager._graceful_shutdown_timeout == 60
    manager._graceful_shutdown_timeout = 5
    assert manager._graceful_shutdown_timeout == 5


def test_ids_are_not_guessed(manager: Any) -> None:
    manager.add(Something)
    with pytest.raises(ValueError, match="service id doesn't exists"):
        manager.reconfigure(uuid4(), 1)


class Executing(cotyledon.Service):
    def program(self) -> None:
        return None


def test_a_program_looks_at_no_bounds(manager: Any) -> None:
    with pytest.raises(ValueError, match=r"^max_memory: .*program.*max_lifetime"):
        manager.add(Executing, max_memory="1G")
    manager.add(Executing, max_lifetime=3600)
    manager.add(Something, max_memory="1G", max_tasks=100)


def test_a_service_starts_after_those_that_were_added_before(manager: Any) -> None:
    first = manager.add(Something, name="first")
    second = manager.add(Something, name="second", start_after="first")
    third = manager.add(Something, name="third", start_after=["second", "first", "second"])
    definitions = manager._engine.definitions
    assert definitions[second].start_after == (first,)
    assert definitions[third].start_after == (second, first)


@pytest.mark.parametrize("name", ["second", "third", "unknown"])
def test_nothing_starts_after_what_was_not_added_before(manager: Any, name: str) -> None:
    manager.add(Something, name="first")
    text = f"start_after: no service {name!r} was added before this one"
    refused(ValueError, text, manager.add, Something, name="second", start_after=["first", name])
    assert list(manager._registry.ids) == ["first"]


@pytest.mark.parametrize("names", [3, [3], None])
def test_names_to_start_after_are_names(manager: Any, names: Any) -> None:
    with pytest.raises(ValueError, match=r"^start_after: .* is no list of names"):
        manager.add(Something, start_after=names)


@pytest.mark.parametrize("seconds", [-1, True, "3", None, float("inf"), float("nan")])
def test_a_stop_delay_is_a_number(manager: Any, seconds: Any) -> None:
    text = f"stop_delay: {seconds!r} is not a number of 0 or more"
    refused(ValueError, text, setattr, manager, "stop_delay", seconds)
    assert manager.stop_delay == 0.0


def test_a_stop_delay_is_a_part_of_the_grace_period() -> None:
    with pytest.raises(ValueError, match=r"^stop_delay: 10 is not below .*\(10\)"):
        cotyledon.ServiceManager(graceful_shutdown_timeout=10, stop_delay=10)
    manager = cotyledon.ServiceManager(graceful_shutdown_timeout=10, stop_delay=9.5)
    assert manager.stop_delay == 9.5
    with pytest.raises(ValueError, match="stop_delay"):
        manager.stop_delay = 11
    assert manager.stop_delay == 9.5


def test_a_stop_delay_without_a_grace_period_is_any() -> None:
    assert cotyledon.ServiceManager(graceful_shutdown_timeout=0, stop_delay=100).stop_delay == 100


UNFIT = {
    "cannot be caught": ["KILL", "SIGSTOP", 9],
    "stands for an error of the process itself": ["SEGV", "FPE", "ABRT", "SIGBUS", "ILL"],
    "is used by the manager itself": ["TERM", "INT", "HUP", "CHLD", "alrm", "CONT", 15],
    "is ignored by Python": ["PIPE", "XFSZ"],
    "is no signal": ["USR3", "RTMIN+99", 1000, True],
}


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="signals of Linux")
@pytest.mark.parametrize(
    ("name", "why"), [(name, why) for why, names in UNFIT.items() for name in names]
)
def test_a_signal_that_cannot_ask_for_stacks(name: Any, why: str) -> None:
    right = "use RTMIN+1, which is the default, or such as USR2; 0 is none"
    text = f"dump_signal: {name!r} {why}; {right}"
    refused(ValueError, text, cotyledon.ServiceManager, dump_signal=name)
    cotyledon.ServiceManager()


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="signals of Linux")
@pytest.mark.parametrize(
    ("name", "number"),
    [("RTMIN+2", signal.SIGRTMIN + 2), ("USR2", signal.SIGUSR2), (0, 0), ("0", 0)],
)
def test_signals_that_can(name: Any, number: int) -> None:
    assert cotyledon.ServiceManager(dump_signal=name)._engine.dump_signal == number


@pytest.mark.parametrize(
    ("address", "options", "fault"),
    [
        ("here", {}, "address: 'here' is no address"),
        (["@a", "here"], {}, "address: 'here' is no address"),
        ("@a", {"backlog": 0}, "backlog: 0 is not a whole number"),
        ("@a", {"mode": 0o600}, "mode: only a Unix socket in the file system"),
    ],
)
def test_where_to_listen(manager: Any, address: Any, options: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        manager.listen("http", address, **options)
    assert not manager._engine.listeners.given


def test_an_option_of_listening_that_there_is_not(manager: Any) -> None:
    with pytest.raises(TypeError, match=r"listen\(\) has no option 'backlogs'; did you mean bac"):
        manager.listen("http", "@a", backlogs=1)


def test_sockets_are_looked_for_when_it_runs(manager: Any) -> None:
    service_id = manager.add(cotyledon.Service, sockets="http, admin")
    assert manager._engine.definitions[service_id].options.sockets == ("http", "admin")
    with pytest.raises(cotyledon.ConfigurationError) as caught:
        manager.run()
    assert [fault.split(";")[0] for fault in caught.value.faults] == [
        f"service Service: sockets: there is no socket {name!r}" for name in ("http", "admin")
    ]


@pytest.mark.parametrize("verb", ["stop_service", "start_service", "restart_service"])
def test_an_unknown_service_is_not_commanded(verb: str, manager: cotyledon.ServiceManager) -> None:
    unknown = ServiceId(UUID(int=1))
    with pytest.raises(ValueError, match="service id doesn't exists"):
        getattr(manager, verb)(unknown)
