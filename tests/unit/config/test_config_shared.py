"""The ConfigOpts that services get: taken over, undone, and made again elsewhere."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from cotyledon_core.config.application import build
from cotyledon_core.config.loader import compile_settings, load, read
from cotyledon_core.config.origin import SharedConf
from cotyledon_core.config.settings import ConfiguredService
from cotyledon_core.exceptions import ConfigurationError, WorkerStartError
from cotyledon_core.service import Service
from cotyledon_core.types import WorkerId
from cotyledon_core.worker.travelling import fault

from config_samples import Whole  # isort: skip  # beside this file

Write = Callable[..., Path]

MINE = [
    cfg.StrOpt("fixed", default="unset"),
    cfg.StrOpt("soft", default="unset", mutable=True, deprecated_name="gentle"),
    cfg.IntOpt("size", default=1, mutable=True),
]
HEAD = "[cotyledon]\nservices =\n[mine]\n"


@pytest.fixture
def conf(write: Write) -> cfg.ConfigOpts:
    """An application's own."""
    made = cfg.ConfigOpts()
    made.register_opts(MINE, "mine")
    made([f"--config-file={write(HEAD + 'fixed = old' + chr(10) + 'soft = old')}"], project="app")
    return made


def seen(conf: cfg.ConfigOpts) -> tuple[str, str]:
    return conf.mine.fixed, conf.mine.soft


class Hook:
    """A mutate hook that notes what it is told."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.told: list[dict[Any, Any]] = []
        conf.register_mutate_hook(self)

    def __call__(self, conf: cfg.ConfigOpts, fresh: dict[Any, Any]) -> None:
        self.told.append(fresh)


# -- in the manager


def test_taken_over_and_undone(conf: cfg.ConfigOpts, write: Write) -> None:
    shared, hook = SharedConf(conf), Hook(conf)
    assert seen(conf) == ("old", "old")
    write(HEAD + "fixed = new\nsoft = new")
    fresh = read(shared)[1]
    assert seen(conf) == ("old", "old"), "reading changes nothing"
    write("broken")  # is not looked at any more
    undo = shared.take_over(fresh)
    assert shared.get() is conf
    assert seen(conf) == ("new", "new")
    assert hook.told == [{("mine", "soft"): ("old", "new")}]
    undo()
    assert seen(conf) == ("old", "old")
    assert hook.told[1:] == [{("mine", "soft"): ("new", "old")}]


def test_a_value_that_is_gone_is_the_default_again(conf: cfg.ConfigOpts, write: Write) -> None:
    shared = SharedConf(conf)
    write(HEAD)
    shared.take_over(read(shared)[1])
    assert seen(conf) == ("unset", "unset")


@pytest.mark.parametrize("error", [RuntimeError("oops"), SystemExit(4)])
def test_a_hook_that_raises_harms_nothing(
    conf: cfg.ConfigOpts, write: Write, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def fail(conf: cfg.ConfigOpts, fresh: Any) -> None:
        raise error

    shared = SharedConf(conf)
    conf.register_mutate_hook(fail)
    hook = Hook(conf)
    write(HEAD + "soft = new")
    shared.take_over(read(shared)[1])
    assert conf.mine.soft == "new"
    assert len(hook.told) == 1
    assert "a mutate hook failed" in caplog.text


def test_options_that_come_later(conf: cfg.ConfigOpts, write: Write) -> None:
    shared = SharedConf(conf)
    write(HEAD + "[late]\nvalue = 1")
    fresh = read(shared)[1]
    conf.register_opt(cfg.IntOpt("value"), "late")
    undo = shared.take_over(fresh)
    assert conf.late.value == 1
    undo()
    assert conf.late.value is None
    write(HEAD + "[late]\nvalue = 2")
    shared.take_over(read(shared)[1])
    assert conf.late.value == 2


def test_what_the_application_set_itself_stays(conf: cfg.ConfigOpts, write: Write) -> None:
    shared = SharedConf(conf)
    conf.set_override("fixed", "mine", "mine")
    conf.set_default("size", 7, "mine")
    write(HEAD + "fixed = new")
    shared.take_over(read(shared)[1])
    assert (conf.mine.fixed, conf.mine.size) == ("mine", 7)
    conf.clear_override("fixed", "mine")
    assert conf.mine.fixed == "new"


def test_after_the_application_mutated_it(conf: cfg.ConfigOpts, write: Write) -> None:
    shared = SharedConf(conf)
    write(HEAD + "fixed = 2\nsoft = 2")
    conf.mutate_config_files()
    assert seen(conf) == ("old", "2")
    write(HEAD + "fixed = 3\nsoft = 3")
    undo = shared.take_over(read(shared)[1])
    assert seen(conf) == ("3", "3")
    undo()
    assert seen(conf) == ("old", "2")
    conf.reload_config_files()
    assert conf.mine.fixed == "3", "oslo.config's own methods work as before"


def test_wrong_values_of_the_application_s_options(conf: cfg.ConfigOpts, write: Write) -> None:
    path = write(HEAD + "size = big\nfixed = new")
    with pytest.raises(ConfigurationError) as caught:
        read(SharedConf(conf))
    assert caught.value.faults == (
        f"{path}: [mine] size: 'big' is wrong: a whole number is needed",
    )
    assert conf.mine.fixed == "old"


def test_options_that_refer_to_later_ones_are_no_fault(write: Write) -> None:
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.StrOpt("path", default="$base/x"))
    conf([f"--config-file={write(HEAD)}"], project="app")
    compile_settings(conf)


def test_a_running_manager_s_services_see_one_object(conf: cfg.ConfigOpts, write: Write) -> None:
    head = HEAD.replace("services =", "services = whole, example")
    write(head)
    settings, _ = build(conf)
    factories = [service.factory for service in settings.services]
    assert [factory.conf and factory.conf.get() for factory in factories] == [conf, conf]
    settings, _ = build(load([f"--config-file={write(head)}"]))
    assert [service.factory.conf is None for service in settings.services] == [False, True]


# -- in another process


def travel(shared: SharedConf) -> cfg.ConfigOpts:
    travelled: SharedConf = pickle.loads(pickle.dumps(shared))
    return travelled.get()


def test_travels_with_what_was_validated(conf: cfg.ConfigOpts, write: Write) -> None:
    shared = SharedConf(conf)
    conf.set_override("size", 5, "mine")
    path = write("broken")
    made = travel(shared)
    assert made is not conf
    assert (seen(made), made.mine.size) == (("old", "old"), 5)
    assert made.config_file == [str(path)]
    path.write_text(HEAD + "fixed = new")
    assert made.reload_config_files()
    assert made.mine.fixed == "new"
    assert seen(conf) == ("old", "old")


def test_travels_with_its_command_line(write: Write) -> None:
    conf = cfg.ConfigOpts()
    conf.register_cli_opts([cfg.IntOpt("level", short="l"), cfg.StrOpt("site")], "main")
    path = write(HEAD + "[main]\nsite = here\nlevel = 1")
    conf([f"--config-file={path}", "--main-l", "3"], project="app", prog="tool")
    write("broken")
    made = travel(SharedConf(conf))
    assert (made.main.level, made.main.site, made.prog) == (3, "here", "tool")


def test_the_global_one_is_the_global_one_there(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cfg, "CONF", conf)
    pickled = pickle.dumps(SharedConf(conf))
    there = cfg.ConfigOpts()
    there.register_opts([cfg.StrOpt("fixed", default="unset")], "mine")  # by an import
    monkeypatch.setattr(cfg, "CONF", there)
    assert pickle.loads(pickled).get() is there
    assert seen(there) == ("old", "old")


def test_values_that_cannot_travel_are_read_there(write: Write) -> None:
    conf = cfg.ConfigOpts()
    conf.register_cli_opt(cfg.Opt("odd", type=Odd()))
    conf([f"--config-file={write(HEAD)}", "--odd=3"], project="app")
    assert travel(SharedConf(conf)).odd.value == "3"


class Odd:
    """A type whose values cannot be pickled."""

    def __call__(self, value: Any) -> Any:
        return value if isinstance(value, OddValue) else OddValue(value)


class OddValue:
    def __init__(self, value: str) -> None:
        self.value = value

    def __reduce__(self) -> Any:
        raise TypeError("not me")


def test_an_option_that_cannot_travel_is_named(write: Write) -> None:
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.Opt("odd", type=lambda value: value), "mine")
    conf([f"--config-file={write(HEAD)}"], project="app")
    factory = ConfiguredService(Whole, {}, SharedConf(conf))
    with pytest.raises(WorkerStartError, match=r"^the option odd of \[mine\] in the app"):
        pickle.dumps(factory)
    assert str(fault([factory], "args")).startswith("the option odd of [mine] in the app")
    assert not fault(ConfiguredService(Replaced, {}, SharedConf(conf)), "it is not given")


def test_an_option_s_value_that_cannot_travel_is_named() -> None:
    factory = ConfiguredService(Replaced, {"odd": OddValue("1")}, None)
    assert fault(factory, "factory") == (
        "factory.options['odd'] cannot be pickled: TypeError: not me"
    )


# -- in a worker


class Reloading(Service):
    def reload(self) -> None:
        pass


class Replaced(Service):
    pass


@pytest.mark.parametrize(
    ("service", "method", "changed", "up_to_date", "expected"),
    [
        (Reloading, "reload", "", True, ("old", "old")),
        (Reloading, "reload", "fixed = new", True, ("new", "old")),
        (Reloading, "reload", "fixed = new\nsoft = new", True, ("new", "new")),
        (Reloading, "mutate", "", True, ("old", "old")),
        (Reloading, "mutate", "soft = new", True, ("old", "new")),
        (Reloading, "mutate", "gentle = new", True, ("old", "old")),  # soft goes before
        (Reloading, "mutate", "fixed = new\nsoft = new", False, ("old", "new")),
        (Reloading, "mutate", "other = new\nsoft = new", False, ("old", "new")),
        (Reloading, "mutate", "[other]\nkey = new\n[mine]\nsoft = new", False, ("old", "new")),
        (Replaced, "reload", "", True, ("old", "old")),
        (Replaced, "reload", "soft = new", True, ("old", "new")),
        (Replaced, "reload", "soft = new\nfixed = new", False, ("old", "old")),
        (Replaced, "mutate", "soft = new", True, ("old", "new")),
        (Replaced, "mutate", "soft = new\n[other]\nkey = new", False, ("old", "old")),
        (Replaced, "mutate", "[DEFAULT]\nkey = new", False, ("old", "old")),
        (Replaced, "mutate", "[service:other]\nkey = new", True, ("old", "old")),
        (Replaced, "mutate", "[cotyledon]\nspawn_interval = 3", True, ("old", "old")),
        (Replaced, "mutate", "[DEFAULT]\ngraceful_shutdown_timeout = 3", True, ("old", "old")),
    ],
)
def test_reread(
    conf: cfg.ConfigOpts,
    write: Write,
    service: type[Service],
    method: str,
    changed: str,
    up_to_date: bool,
    expected: tuple[str, str],
) -> None:
    head = HEAD.replace("[mine]", f"reload_method = {method}\n[mine]\nfixed = old\nsoft = old")
    write(head)
    conf.reload_config_files()
    hook = Hook(conf)
    factory = ConfiguredService(service, {}, SharedConf(conf))
    write(head + changed)
    assert factory.reread() is up_to_date
    assert seen(conf) == expected
    assert any(hook.told) == (expected[1] == "new")


def test_mutable_and_back_again(conf: cfg.ConfigOpts, write: Write) -> None:
    factory = ConfiguredService(Replaced, {}, SharedConf(conf))
    for value in ("new", "old", "new"):
        write(HEAD + f"fixed = old\nsoft = {value}")
        assert factory.reread()
        assert seen(conf) == ("old", value)


def test_what_is_immutable_and_changed_back_needs_no_replacement(
    conf: cfg.ConfigOpts, write: Write
) -> None:
    factory = ConfiguredService(Replaced, {}, SharedConf(conf))
    write(HEAD + "fixed = new\nsoft = old")
    assert not factory.reread()
    write(HEAD + "fixed = old\nsoft = old")
    assert factory.reread()


@pytest.mark.parametrize("text", ["[broken", HEAD + "fixed = old\nsoft = new\nsize = big"])
@pytest.mark.parametrize("service", [Reloading, Replaced])
def test_a_broken_file_leaves_the_values(
    conf: cfg.ConfigOpts,
    write: Write,
    service: type[Service],
    text: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    factory = ConfiguredService(service, {}, SharedConf(conf))
    write(text)
    assert factory.reread()
    assert seen(conf) == ("old", "old")
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    write(HEAD + "fixed = old\nsoft = new")
    assert factory.reread()
    assert conf.mine.soft == "new"


def test_a_service_without_the_configuration() -> None:
    assert not ConfiguredService(Replaced, {}, None).reread(), "its workers are replaced"


def test_a_plugin_s_mutable_option(write: Write) -> None:
    text = "[cotyledon]\nservices = whole\n[service:whole]\nworkers = 1\nsoft = "
    settings, _ = build(load([f"--config-file={write(text + 'old')}"]))
    factory = settings.services[0].factory
    service: Any = factory(WorkerId(0))
    hook = Hook(service.conf)
    write(text.replace("workers = 1", "workers = 3") + "new")
    assert factory.reread()
    assert hook.told == [{("service:whole", "soft"): ("old", "new")}]
    assert service.conf["service:whole"].soft == "new"
    write(text.replace("workers = 1", "extra = 3") + "new")
    assert not factory.reread()


def test_other_sources_count_as_changed(write: Write) -> None:
    conf = cfg.ConfigOpts()
    conf.register_opts(MINE, "mine")
    path = write(f"[DEFAULT]\nconfig_source = far\n{HEAD}")
    conf([f"--config-file={path}"], project="app")
    assert not ConfiguredService(Replaced, {}, SharedConf(conf)).reread()
    assert ConfiguredService(Reloading, {}, SharedConf(conf)).reread()
