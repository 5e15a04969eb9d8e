"""What configurations mean, whatever they are read from."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import config_samples
import pytest
from oslo_config import cfg

from cotyledon_core.config.application import build
from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.settings import ConfiguredService, ManagerSettings
from cotyledon_core.exceptions import ConfigurationError, WorkerStartError
from cotyledon_core.plugins.loading import Namespace
from cotyledon_core.plugins.loading import load as load_plugin
from cotyledon_core.types import WorkerId

Compile = Callable[[str], ManagerSettings]
Write = Callable[..., Path]

WORKER = WorkerId(0)


def test_defaults(compiled: Compile) -> None:
    settings = compiled("[cotyledon]\nservices = example")
    (service,) = settings.services
    assert service.name == "example"
    assert service.workers == 1
    assert service.graceful_shutdown_timeout is None
    assert service.factory.service_class is load_plugin(Namespace.SERVICES, "example")
    always = load_plugin(Namespace.RESTART_POLICIES, "always")
    assert type(service.restart_policy) is service.policy.policy_class is always
    assert [notifier.name for notifier in settings.notifiers] == ["log"]
    assert settings.name is None
    assert settings.start_method is None
    assert settings.spawn_interval == 0
    assert settings.graceful_shutdown_timeout == 60
    assert settings.log_options is True
    assert settings.notices == ()


def test_the_service_manager_is_told_where_it_asks(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    settings = compiled("[cotyledon]\nservices =")
    assert [notifier.name for notifier in settings.notifiers] == ["log", "systemd"]
    settings = compiled("[cotyledon]\nservices =\nnotifiers =")
    assert settings.notifiers == ()


def test_all_of_it(compiled: Compile) -> None:
    settings = compiled(
        """
        [DEFAULT]
        graceful_shutdown_timeout = 0
        log_options = false
        [cotyledon]
        services = second,
          first
        notifiers = wall, log
        restart_policy = capped
        capped_period = 30
        start_method = spawn
        spawn_interval = 0.5
        name = front
        [service:first]
        service_type = sample
        target = here
        size = 4
        eager = off
        tags = a, b
        labels = x:1, y:2
        ports = 80, 443
        mode = hard
        route = one
        route = two
        dashed_name = 7
        old_name = x
        workers = 0
        graceful_shutdown_timeout = 5
        capped_max_restarts = 2
        [service:second]
        service_type = example
        restart_policy = never
        workers = 3
        [notifier:wall]
        notifier_type = board
        colour = white
        """
    )
    assert settings.name == "front"
    assert settings.start_method == "spawn"
    assert settings.spawn_interval == 0.5
    assert settings.graceful_shutdown_timeout == 0
    assert settings.log_options is False
    second, first = settings.services
    assert (second.name, second.workers) == ("second", 3)
    assert second.policy.policy_class is load_plugin(Namespace.RESTART_POLICIES, "never")
    assert (first.workers, first.graceful_shutdown_timeout) == (0, 5)
    assert first.factory.options == {
        "target": "here",
        "size": 4,
        "eager": False,
        "tags": ["a", "b"],
        "labels": {"x": "1", "y": "2"},
        "ports": [80, 443],
        "mode": "hard",
        "token": None,
        "pin": None,
        "route": ["one", "two"],
        "dashed_name": 7,
        "renamed": "x",
        "moved": None,
        "short": None,
        "odd": None,
    }
    assert first.restart_policy.limits == (2, 30.0)  # type: ignore[attr-defined]
    wall, log = settings.notifiers
    assert (wall.name, log.name) == ("wall", "log")
    assert wall.notifier.colour == "white"  # type: ignore[attr-defined]


def test_a_section_s_name_has_no_case(compiled: Compile) -> None:
    text = "[cotyledon]\nservices = Metric\n[Service:METRIC]\nservice_type = example\nworkers = 2"
    (service,) = compiled(text).services
    assert (service.name, service.workers) == ("Metric", 2)


@pytest.mark.parametrize(
    ("general", "own", "limits"),
    [
        ("", "", (5, 60.0)),
        ("capped_max_restarts = 7", "", (7, 60.0)),
        ("capped_max_restarts = 7", "capped_max_restarts = 0", (0, 60.0)),
        ("capped_max_restarts = 7", "capped_max_restarts = 5", (5, 60.0)),
        ("capped_max_restarts = 7\ncapped_period = 1", "capped_period = 2", (7, 2.0)),
    ],
)
def test_a_policy_s_options_for_all_services(
    general: str, own: str, limits: tuple[int, float], compiled: Compile
) -> None:
    settings = compiled(
        f"[cotyledon]\nservices = whole, example\nrestart_policy = capped\n{general}\n"
        f"[service:whole]\n{own}\n[service:example]\nrestart_policy = always"
    )
    assert settings.services[0].restart_policy.limits == limits  # type: ignore[attr-defined]


def test_the_general_policy_needs_no_service(compiled: Compile) -> None:
    text = "[cotyledon]\nservices =\nrestart_policy = capped\ncapped_period = 3"
    assert compiled(text).services == ()


def test_substitution(compiled: Compile) -> None:
    settings = compiled(
        """
        [DEFAULT]
        graceful_shutdown_timeout = 7
        [cotyledon]
        services = a
        name = main
        [service:a]
        service_type = sample
        target = $$HOME/${cotyledon.name}/$workers/\\$x
        workers = $graceful_shutdown_timeout
        graceful_shutdown_timeout = 9
        """
    )
    (service,) = settings.services
    assert service.factory.options["target"] == "$HOME/main/9/$x"
    assert service.workers == 9


def test_later_files_and_directories_win(write: Write) -> None:
    first = write("[cotyledon]\nservices = example\n[service:example]\nworkers = 1\ninterval = 1")
    write("[service:example]\nworkers = 2", "conf.d/20.conf")
    write("[service:example]\nworkers = 3\ngreeting = hi", "conf.d/10.conf")
    write("[service:example]\nworkers = 4", "conf.d/30.ini")
    directory = f"--config-dir={first.parent / 'conf.d'}"
    (service,) = compile_settings(load([f"--config-file={first}", directory])).services
    assert service.workers == 2
    assert service.factory.options == {"greeting": "hi", "interval": 1.0}
    (service,) = compile_settings(load([directory, f"--config-file={first}"])).services
    assert service.workers == 1


def test_default_file_and_directory(write: Write) -> None:
    write("[cotyledon]\nservices = example\nname = a", "home/.cotyledon/cotyledon.conf")
    write("[service:example]\nworkers = 2", "home/.cotyledon/cotyledon.conf.d/a.conf")
    settings = compile_settings(load([]))
    assert settings.services[0].workers == 2
    other = write("[cotyledon]\nservices = example")
    settings = compile_settings(load([f"--config-file={other}"]))
    assert settings.name is None
    assert settings.services[0].workers == 2


def test_the_default_file_is_read_once_beside_a_directory(write: Write) -> None:
    write(
        "[cotyledon]\nservices = sample\n[service:sample]\ntarget = a\nroute = x\nroute = y",
        "home/.cotyledon/cotyledon.conf",
    )
    directory = write("[service:sample]\nroute = z", "d/a.conf").parent
    (service,) = compile_settings(load([f"--config-dir={directory}"])).services
    assert service.factory.options["route"] == ["x", "y", "z"]


def test_a_fault_in_the_default_file_names_it(write: Write) -> None:
    path = write("[cotyledon]\nnmae = x", "home/.cotyledon/cotyledon.conf")
    directory = write("[cotyledon]\nservices =", "d/a.conf").parent
    with pytest.raises(ConfigurationError) as caught:
        compile_settings(load([f"--config-dir={directory}"]))
    (fault,) = caught.value.faults
    assert fault.startswith(f"{path}: [cotyledon] nmae: ")


def test_environment(compiled: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_COTYLEDON__SERVICES", "web-1")
    monkeypatch.setenv("OS_SERVICE:WEB-1__SERVICE_TYPE", "sample")
    monkeypatch.setenv("OS_SERVICE:WEB-1__TARGET", "there")
    monkeypatch.setenv("OS_SERVICE:WEB-1__WORKERS", "6")
    monkeypatch.setenv("OS_SERVICE:OTHER__WORKERS", "6")
    monkeypatch.setenv("OS_COTYLEDON__RESTART_DELAY", "3")
    monkeypatch.setenv("OS_DEFAULT__GRACEFUL_SHUTDOWN_TIMEOUT", "8")
    settings = compiled("[cotyledon]\nservices = none\n[service:web-1]\nworkers = 1")
    (service,) = settings.services
    assert (service.name, service.workers) == ("web-1", 6)
    assert service.factory.options["target"] == "there"
    assert service.policy.options["restart_delay"] == 3.0
    assert settings.graceful_shutdown_timeout == 8
    (notice,) = settings.notices
    assert "OS_SERVICE:OTHER__WORKERS" in notice


@pytest.mark.parametrize(
    ("notifiers", "noticed"),
    [("log", True), ("", True), ("log, systemd", False), ("told", False), (None, False)],
)
def test_a_service_manager_that_nobody_tells_is_mentioned(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch, notifiers: str | None, noticed: bool
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    lines = ["[cotyledon]", "services = example"]
    if notifiers is not None:
        lines.append(f"notifiers = {notifiers}")
    if notifiers == "told":
        lines += ["[notifier:told]", "notifier_type = systemd"]
    notices = compiled("\n".join(lines)).notices
    assert len(notices) == noticed
    for notice in notices:
        assert ": [cotyledon] notifiers: does not have systemd, " in notice


def test_nobody_has_to_be_told_without_a_service_manager(
    compiled: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert compiled("[cotyledon]\nservices = example\nnotifiers = log").notices == ()


def test_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_COTYLEDON__SERVICES", "example")
    assert compile_settings(load(["--config-file=/dev/null"])).services


# An application's own ConfigOpts


def application(path: Path, *args: str) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    conf.register_cli_opts(
        [cfg.StrOpt("site", default="here"), cfg.StrOpt("what", positional=True)]
    )
    conf.register_opts([cfg.StrOpt("colour", default="grey")], "paint")
    conf(["--config-file", str(path), *args, "go"], project="app", prog="app")
    return conf


def test_an_application_s_conf_is_left_as_it_is(write: Write) -> None:
    conf = application(write("[cotyledon]\nservices = whole"), "--site", "there")
    before = set(conf)
    settings, _ = build(conf)
    assert settings.services
    assert set(conf) == before
    assert conf.site == "there"


@pytest.mark.parametrize("default", [60, 33, None])
def test_an_option_that_is_there_already_is_used(default: int | None, write: Write) -> None:
    conf = cfg.ConfigOpts()
    conf.register_opts(
        [cfg.IntOpt("graceful_shutdown_timeout", default=default), cfg.BoolOpt("log_options")]
    )
    conf([f"--config-file={write('[cotyledon]' + chr(10) + 'services =')}"])
    assert compile_settings(conf).graceful_shutdown_timeout == (default or 60)
    conf.set_override("graceful_shutdown_timeout", 5)
    assert compile_settings(conf).graceful_shutdown_timeout == 5


def test_overrides_of_our_options(write: Write) -> None:
    from cotyledon_core.config.options import MANAGER_OPTIONS, SERVICE_OPTIONS

    conf = cfg.ConfigOpts()
    conf.register_opts(MANAGER_OPTIONS, "cotyledon")
    conf.register_opts(SERVICE_OPTIONS, "service:example")
    conf([])
    conf.set_override("services", ["example"], "cotyledon")
    conf.set_default("workers", 5, "service:example")
    assert compile_settings(conf).services[0].workers == 5


def test_a_conf_that_was_not_called() -> None:
    with pytest.raises(ConfigurationError, match="call it with the command line first"):
        build(cfg.ConfigOpts())


def test_an_application_s_own_required_option(write: Write) -> None:
    conf = application(write("[cotyledon]\nservices = example"))
    conf.register_opt(cfg.StrOpt("needed", required=True))
    with pytest.raises(ConfigurationError, match="needed"):
        build(conf)


def test_environment_that_an_application_does_not_use(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_COTYLEDON__SERVCES", "a")
    monkeypatch.setenv("OS_COTYLEDON__NAME", "a")
    conf = cfg.ConfigOpts()
    conf([f"--config-file={write('[cotyledon]' + chr(10) + 'services =')}"], use_env=False)
    assert compile_settings(conf).name is None


# What makes the instances


def test_a_service_gets_its_options(compiled: Compile) -> None:
    text = "[cotyledon]\nservices = sample\n[service:sample]\ntarget = here"
    made = compiled(text).services[0].factory(WORKER)
    assert isinstance(made, config_samples.Sample)
    assert made.worker_id == WORKER
    assert made.options_given["target"] == "here"


def test_a_service_that_wants_the_number_of_workers_gets_it(compiled: Compile) -> None:
    text = "[cotyledon]\nservices = dividing\n[service:dividing]\nworkers = 3"
    made = compiled(text).services[0].factory(WORKER)
    assert isinstance(made, config_samples.Dividing)
    assert made.workers == 3


def test_a_service_that_wants_the_configuration_gets_the_application_s(write: Write) -> None:
    path = write("[cotyledon]\nservices = whole\n[service:whole]\nextra = x\n[paint]\ncolour = red")
    settings, _ = build(application(path))
    made = settings.services[0].factory(WORKER)
    assert isinstance(made, config_samples.Whole)
    assert made.seen == ("red", "x")


def test_settings_of_one_configuration_are_equal(compiled: Compile) -> None:
    text = "[cotyledon]\nservices = example, whole\nrestart_policy = capped\nnotifiers = board"
    assert compiled(text) == compiled(text)
    assert compiled(text) != compiled(text + "\n[service:whole]\nextra = y")
    assert compiled(text) != compiled(text + "\ncapped_period = 1")


def test_a_factory_travels_to_a_fresh_interpreter(write: Write, plugins: Path) -> None:
    path = write("[cotyledon]\nservices = whole\n[service:whole]\nextra = x\n[paint]\ncolour = red")
    settings, _ = build(application(path, "--site=there"))
    factory: ConfiguredService = settings.services[0].factory
    program = (
        "import pickle, sys; factory = pickle.load(sys.stdin.buffer); made = factory(0); "
        "print(*made.seen, factory.conf.get().site, factory.conf.get().what)"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps(factory),
        env={"PYTHONPATH": f"{here.parents[2]}:{here}:{plugins}"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.decode(), done.stderr.decode()) == ("red x there go\n", "")


def test_a_factory_carries_no_more_than_is_needed(write: Write) -> None:
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.Opt("local", type=lambda text: text))
    conf([f"--config-file={write('[cotyledon]' + chr(10) + 'services = example, whole')}"])
    example, whole = build(conf)[0].services
    assert pickle.loads(pickle.dumps(example.factory)) == example.factory
    with pytest.raises(WorkerStartError, match=r"the option local of \[DEFAULT\]"):
        pickle.dumps(whole.factory)


def test_a_factory_does_not_hold_secrets_in_its_text(compiled: Compile) -> None:
    text = "[cotyledon]\nservices = sample\n[service:sample]\ntarget = here\ntoken = hunter2"
    assert "hunter2" not in repr(compiled(text))


def test_services_come_behind_those_after_which_they_start(compiled: Compile) -> None:
    settings = compiled(
        """
        [cotyledon]
        services = top, web, other, db
        [service:top]
        service_type = example
        start_after = web, db
        [service:web]
        service_type = example
        start_after = db
        [service:other]
        service_type = example
        [service:db]
        service_type = example
        """
    )
    assert [service.name for service in settings.services] == ["db", "web", "top", "other"]
    assert settings.services[2].options.start_after == ("web", "db")
