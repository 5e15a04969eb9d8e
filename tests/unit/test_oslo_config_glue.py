"""The link between an application's oslo.config options, its manager and its workers."""

from __future__ import annotations

import logging
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock
from uuid import uuid4

import pytest
from oslo_config import cfg

from cotyledon_core import oslo_config_glue as glue
from cotyledon_core.service import Service
from cotyledon_core.types import ServiceId, WorkerId

Configure = Callable[..., cfg.ConfigOpts]

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGHUP"), reason="nothing is reloaded without SIGHUP"
)


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Write a file and read it as an application does; later calls change the file only."""
    path = tmp_path / "app.conf"
    made: list[cfg.ConfigOpts] = []

    def write(text: str = "", **arguments: Any) -> cfg.ConfigOpts:
        path.write_text(f"[DEFAULT]\n{text}\n")
        if not made:
            conf = cfg.ConfigOpts()
            conf.register_opts(
                [cfg.StrOpt("fixed", default="-"), cfg.StrOpt("soft", default="-", mutable=True)]
            )
            conf(["--config-file", str(path)], project="app", **arguments)
            made.append(conf)
        return made[0]

    return write


class Reloading(Service):
    """Notes what its reload() finds."""

    conf: ClassVar[cfg.ConfigOpts]

    def __init__(self, worker_id: WorkerId) -> None:
        super().__init__(worker_id)
        self.found: list[tuple[str, str]] = []

    def reload(self) -> None:
        self.found.append((self.conf.fixed, self.conf.soft))


def hooks_of(manager: mock.Mock) -> dict[str, Callable[..., None]]:
    (call,) = manager.register_hooks.call_args_list
    assert call.args == ()
    return dict(call.kwargs)


def start_worker(manager: mock.Mock, service: Service) -> None:
    hooks_of(manager)["on_new_worker"](ServiceId(uuid4()), WorkerId(0), service)


def test_names_and_defaults() -> None:
    ((group, listed),) = glue.list_opts()
    assert group is None
    assert {option.dest: option.default for option in listed} == {
        "log_options": True,
        "graceful_shutdown_timeout": 60,
    }
    assert all(option.mutable for option in listed)
    assert listed[0] is not glue.service_opts[0]


def test_registration(configure: Configure) -> None:
    conf = cfg.ConfigOpts()
    glue.register_opts(conf)
    glue.register_opts(conf)
    conf([])
    assert conf.graceful_shutdown_timeout == 60
    conf.clear()
    glue.unregister_opts(conf)
    assert "graceful_shutdown_timeout" not in conf


def test_other_definitions_of_the_same_options_are_used(configure: Configure) -> None:
    conf = configure()
    conf.register_opts(
        [cfg.IntOpt("graceful_shutdown_timeout", default=7), cfg.BoolOpt("log_options")]
    )
    manager = mock.Mock()
    glue.setup(manager, conf)
    assert manager._graceful_shutdown_timeout == 7


@pytest.mark.parametrize("method", ["reload", "mutate"])
def test_the_manager_is_configured_and_again_at_each_reload(
    method: Any, configure: Configure
) -> None:
    manager = mock.Mock()
    glue.setup(manager, configure("graceful_shutdown_timeout = 5"), method)
    assert manager._graceful_shutdown_timeout == 5
    configure("graceful_shutdown_timeout = 6")
    hooks_of(manager)["on_reload"]()
    assert manager._graceful_shutdown_timeout == 6


@pytest.mark.parametrize(
    ("method", "found"), [("reload", ("new", "new")), ("mutate", ("old", "new"))]
)
def test_a_worker_reloads_with_the_files_re_read(
    method: Any, found: tuple[str, str], configure: Configure
) -> None:
    manager, service = mock.Mock(), Reloading(WorkerId(0))
    Reloading.conf = configure("fixed = old\nsoft = old")
    glue.setup(manager, Reloading.conf, method)
    start_worker(manager, service)
    configure("fixed = new\nsoft = new")
    assert service.found == []
    service.reload()
    assert service.found == [found]


def test_the_default_is_reload(configure: Configure) -> None:
    manager, service = mock.Mock(), Reloading(WorkerId(0))
    Reloading.conf = configure("fixed = old")
    glue.register_opts(Reloading.conf)
    glue.link(manager, Reloading.conf)
    start_worker(manager, service)
    configure("fixed = new")
    service.reload()
    assert service.found == [("new", "-")]


def test_a_reload_of_the_instance_s_own_counts_too(configure: Configure) -> None:
    manager, service, found = mock.Mock(), Service(WorkerId(0)), []
    conf = configure("fixed = old")
    service.reload = lambda: found.append(conf.fixed)  # type: ignore[method-assign]
    glue.setup(manager, conf)
    start_worker(manager, service)
    configure("fixed = new")
    service.reload()
    assert found == ["new"]


def test_a_service_without_a_reload_is_left_alone(configure: Configure) -> None:
    manager, service = mock.Mock(), Service(WorkerId(0))
    glue.setup(manager, configure())
    start_worker(manager, service)
    assert "reload" not in vars(service)


@pytest.mark.parametrize("method", ["reload", "mutate"])
@pytest.mark.parametrize("broken", ["[open", "fixed", "\x00\udcff"])
def test_a_broken_file_leaves_the_values(
    method: Any, broken: str, configure: Configure, tmp_path: Path, caplog: Any
) -> None:
    manager, service = mock.Mock(), Reloading(WorkerId(0))
    conf = Reloading.conf = configure("fixed = old\ngraceful_shutdown_timeout = 5")
    glue.setup(manager, conf, method)
    start_worker(manager, service)
    (tmp_path / "app.conf").write_bytes(broken.encode("utf-8", "surrogateescape"))
    hooks_of(manager)["on_reload"]()
    service.reload()
    assert service.found == [("old", "-")]
    assert manager._graceful_shutdown_timeout == 5
    assert any(record.levelno >= logging.WARNING for record in caplog.records)


def test_a_mutate_hook_that_raises_harms_nothing(configure: Configure, caplog: Any) -> None:
    def fail(conf: cfg.ConfigOpts, fresh: Any) -> None:
        raise RuntimeError("oops")

    manager, service = mock.Mock(), Reloading(WorkerId(0))
    conf = Reloading.conf = configure("soft = old\ngraceful_shutdown_timeout = 5")
    glue.setup(manager, conf, "mutate")
    conf.register_mutate_hook(fail)
    start_worker(manager, service)
    configure("soft = new\ngraceful_shutdown_timeout = 7")
    hooks_of(manager)["on_reload"]()
    assert manager._graceful_shutdown_timeout == 7
    service.reload()
    assert service.found == [("-", "new")]
    assert "a mutate hook failed" in caplog.text


@pytest.mark.parametrize(("wanted", "logged"), [("true", True), ("false", False)])
def test_options_are_logged_if_wanted(
    wanted: str, logged: bool, configure: Configure, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    manager, service = mock.Mock(), Reloading(WorkerId(0))
    conf = Reloading.conf = configure(f"log_options = {wanted}\nfixed = found")

    def told() -> bool:
        text = caplog.text
        caplog.clear()
        return "found" in text

    glue.setup(manager, conf)
    assert told() is logged
    start_worker(manager, service)
    assert told() is logged
    service.reload()
    assert told() is logged
    hooks_of(manager)["on_reload"]()
    assert told() is logged


def test_nothing_is_hooked_without_sighup(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    manager = mock.Mock()
    glue.setup(manager, configure("graceful_shutdown_timeout = 5"))
    assert manager._graceful_shutdown_timeout == 5
    manager.register_hooks.assert_not_called()


@pytest.mark.skipif(
    not hasattr(cfg.ConfigOpts, "export_state"), reason="this oslo.config cannot be pickled"
)
@pytest.mark.parametrize(
    ("method", "found"), [("reload", ("new", "new")), ("mutate", ("old", "new"))]
)
def test_a_hook_that_travelled_reloads_too(
    method: Any, found: tuple[str, str], configure: Configure
) -> None:
    manager, service = mock.Mock(), Reloading(WorkerId(0))
    glue.setup(manager, configure("fixed = old\nsoft = old"), method)
    hook = pickle.loads(pickle.dumps(hooks_of(manager)["on_new_worker"]))
    Reloading.conf = hook.args[0]
    hook(ServiceId(uuid4()), WorkerId(0), service)
    configure("fixed = new\nsoft = new")
    service.reload()
    assert service.found == [found]
