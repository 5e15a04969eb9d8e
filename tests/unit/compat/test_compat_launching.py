"""What launchers refuse, and launching in this process; workers are in the functional tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from oslo_config import cfg

from cotyledon_core.compat.oslo_service import opts, periodic_task, service
from cotyledon_core.compat.oslo_service._foreground import Foreground
from cotyledon_core.compat.oslo_service._wrapper import service_name


class Plain:
    """Derives from nothing."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.started = threading.Event()
        self.stopped = threading.Event()

    def start(self) -> None:
        self.calls.append("start")
        self.started.set()

    def stop(self) -> None:
        self.calls.append("stop")
        self.stopped.set()

    def wait(self) -> None:
        self.stopped.wait(30)

    def reset(self) -> None:
        self.calls.append("reset")


class Named(service.Service):
    name = "conductor"


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    made = cfg.ConfigOpts()
    made([], default_config_files=[])
    return made


@pytest.mark.parametrize(
    ("workers", "error", "text"),
    [
        ("1", TypeError, "Type of workers should be int!"),
        (1.0, TypeError, "Type of workers should be int!"),
        (0, ValueError, "Number of workers should be positive!"),
        (-1, ValueError, "Number of workers should be positive!"),
    ],
)
def test_workers(conf: cfg.ConfigOpts, workers: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        service.launch(conf, Plain(), workers=workers)


@pytest.mark.parametrize("what", [object(), Plain, None, "service"])
def test_what_is_no_service(conf: cfg.ConfigOpts, what: Any) -> None:
    for launcher in (
        service.ServiceLauncher(conf),
        service.ProcessLauncher(conf),
        service.Launcher(conf),
    ):
        with pytest.raises(TypeError, match="must be an instance of"):
            launcher.launch_service(what)


@pytest.mark.parametrize(
    "make",
    [
        service.ServiceLauncher,
        service.ProcessLauncher,
        service.Launcher,
        lambda conf, restart_method: service.launch(conf, Plain(), restart_method=restart_method),
        lambda conf, restart_method: service.Services(restart_method),
    ],
)
def test_restart_method(conf: cfg.ConfigOpts, make: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="Invalid restart_method: again"):
        make(conf, restart_method="again")


def test_more_workers_than_there_are_processes(conf: cfg.ConfigOpts) -> None:
    with pytest.raises(ValueError, match="Launcher asked to start multiple workers"):
        service.Launcher(conf).launch_service(Plain(), workers=2)
    with pytest.raises(ValueError, match="Number of workers must be >= 1"):
        service.ServiceLauncher(conf).launch_service(Plain(), workers=0)


def test_start_method(conf: cfg.ConfigOpts) -> None:
    text = "Invalid start_method 'forkserver'; expected 'fork' or 'spawn'"
    with pytest.raises(ValueError, match=text):
        service.launch(conf, Plain(), start_method="forkserver")


def test_nothing_was_launched(conf: cfg.ConfigOpts) -> None:
    for launcher in (service.ServiceLauncher(conf), service.ProcessLauncher(conf)):
        launcher.stop()
        launcher.restart()
        assert launcher.wait() == 0


def test_names() -> None:
    assert service_name(Plain()) == "Plain"
    assert service_name(Named()) == "conductor"


@pytest.mark.parametrize(
    ("given", "name"),
    [(" ", "Plain"), ("a\nb", "a-b"), ("my svc: x/y", "my-svc-x-y"), ("", "Plain")],
)
def test_names_that_no_section_can_have(given: str, name: str) -> None:
    made = Plain()
    made.name = given  # type: ignore[attr-defined]
    assert service_name(made) == name


def test_a_name_that_cannot_be_told_yet() -> None:
    class Plainer(Plain):
        @property
        def name(self) -> str:
            raise RuntimeError("not configured")

    assert service_name(Plainer()) == "Plainer"


def test_a_reload_within_a_reload_follows_it(conf: cfg.ConfigOpts) -> None:
    """As when a signal interrupts the handler of the one before."""
    calls: list[str] = []
    launcher = Foreground()
    launcher.conf, launcher.restart_method = conf, "mutate"

    class Reset(Plain):
        def reset(self) -> None:
            calls.append("begin")
            if len(calls) == 1:
                launcher._reload_service()
            calls.append("end")

    launcher.service = Reset()
    launcher._reload_service()
    assert calls == ["begin", "end", "begin", "end"]


def test_options_of_the_same_name_are_used(conf: cfg.ConfigOpts) -> None:
    conf.register_opt(cfg.IntOpt("graceful_shutdown_timeout", default=7, help="the program's"))
    opts.register_service_opts(conf)
    assert (conf.graceful_shutdown_timeout, conf.log_options) == (7, True)


@pytest.mark.parametrize("method", ["reload", "mutate"])
def test_a_launcher_in_this_process(conf: cfg.ConfigOpts, method: str) -> None:
    launcher, plain = service.Launcher(conf, restart_method=method), Plain()
    launcher.launch_service(plain)
    assert plain.started.wait(30)
    plain.started.clear()
    launcher.restart()
    assert method == "mutate" or plain.started.wait(30)
    launcher.stop()
    launcher.wait()
    again = ["stop", "reset", "start"] if method == "reload" else ["reset"]
    assert plain.calls == ["start", *again, "stop"]


def test_a_service_that_cannot_be_started_ends_the_launcher(conf: cfg.ConfigOpts) -> None:
    class Failing(Plain):
        def start(self) -> None:
            raise RuntimeError("why")

    launcher, other = service.Launcher(conf), Plain()
    launcher.launch_service(other)
    launcher.launch_service(Failing())
    with pytest.raises(SystemExit) as end:
        launcher.wait()
    assert end.value.code == 1
    assert "stop" in other.calls


def test_periodic_tasks_are_due_again(conf: cfg.ConfigOpts) -> None:
    class Tasks(periodic_task.PeriodicTasks):
        calls = 0

        @periodic_task.periodic_task(spacing=20, run_immediately=True)
        def task(self, context: str) -> None:
            assert context == "context"
            self.calls += 1

        @periodic_task.periodic_task(spacing=-1)
        def never(self, context: str) -> None:
            raise AssertionError

    tasks = Tasks(conf)
    assert 0 < tasks.run_periodic_tasks("context") <= 20
    assert 0 < tasks.run_periodic_tasks("context") <= 20
    assert tasks.calls == 1


def test_an_argument_that_there_is_not() -> None:
    with pytest.raises(periodic_task.InvalidPeriodicTaskArg, match="ticks_between_runs"):
        periodic_task.periodic_task(ticks_between_runs=1)(lambda self, context: None)
