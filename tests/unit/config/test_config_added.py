"""Configuration of services that a program adds itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from oslo_config import cfg

from cotyledon_core import Limited, Never
from cotyledon_core.config.added import AddedServices
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.supervision.share import Share

Read = Callable[[str], AddedServices]


@pytest.fixture
def conf(tmp_path: Path) -> Callable[[str], cfg.ConfigOpts]:
    def read(text: str, *arguments: str) -> cfg.ConfigOpts:
        file = tmp_path / "program.conf"
        file.write_text(dedent(text))
        made = cfg.ConfigOpts()
        made.register_cli_opt(cfg.StrOpt("own"))
        made(
            ["--config-file", str(file), *arguments],
            default_config_files=[],
            default_config_dirs=[],
        )
        return made

    return read


@pytest.fixture
def read(conf: Callable[[str], cfg.ConfigOpts]) -> Read:
    def made(text: str) -> AddedServices:
        added = AddedServices.read(conf(text))
        assert added is not None
        return added

    return made


def apply(added: AddedServices, name: str, **given: Any) -> dict[str, Any]:
    return added.apply(name, name, {"workers": 2, "restart_policy": None, **given})


def faults(conf: cfg.ConfigOpts) -> list[str]:
    with pytest.raises(ConfigurationError) as found:
        AddedServices.read(conf)
    return [fault.partition("program.conf: ")[2] for fault in found.value.faults]


@pytest.mark.parametrize("text", ["", "[DEFAULT]\nservices = a\n[service_user]\nworkers = x\n"])
def test_nothing_concerns_us(conf: Callable[[str], cfg.ConfigOpts], text: str) -> None:
    assert AddedServices.read(conf(text)) is None


THEIRS = """
[service:Central]
workers = 3
poll_delay = 1
"""


def with_options_of_its_own(conf: cfg.ConfigOpts) -> cfg.ConfigOpts:
    """As designate has them."""
    conf.register_opts([cfg.IntOpt("workers"), cfg.IntOpt("poll_delay")], "service:central")
    return conf


def test_a_section_of_the_program_s_own_options(
    conf: Callable[[str], cfg.ConfigOpts],
) -> None:
    text = f"{THEIRS}[cotyledon]\nrestart_policy = never\n[service:other]\nworkers = 7\n"
    added = AddedServices.read(with_options_of_its_own(conf(text)))
    assert added is not None
    central = apply(added, "central")
    assert central["workers"] == 2
    assert isinstance(central["restart_policy"], Never)
    assert apply(added, "other")["workers"] == 7


def test_a_conf_that_has_read_nothing() -> None:
    assert AddedServices.read(cfg.ConfigOpts()) is None


def test_the_environment_concerns_us(
    conf: Callable[[str], cfg.ConfigOpts], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_COTYLEDON__NAME", "mine")
    added = AddedServices.read(conf(""))
    assert added is not None
    assert added.settings.name == "mine"


def test_a_section_stands_above_the_program(read: Read) -> None:
    added = read(
        """
        [service:Conductor]
        workers = 5
        graceful_shutdown_timeout = 7
        reload_strategy = in_place
        restart_policy = never
        """
    )
    applied = apply(
        added, "conductor", reload_strategy="rolling", max_surge=1, restart_policy=Limited()
    )
    assert isinstance(applied.pop("restart_policy"), Never)
    assert applied == {
        "workers": 5,
        "graceful_shutdown_timeout": 7,
        "reload_strategy": "in_place",
        "max_surge": 1,
    }


def test_what_is_not_set_is_the_program_s(read: Read) -> None:
    added = read("[service:a]\nmax_surge = 2\n")
    policy = Limited()
    applied = apply(added, "a", restart_policy=policy, start_timeout=3)
    assert applied["restart_policy"] is policy
    assert (applied["workers"], applied["start_timeout"]) == (2, 3)
    assert Share.parse(applied["max_surge"]) == Share(2)


def test_the_manager_s_section_counts_for_services_without_one(read: Read) -> None:
    added = read("[cotyledon]\nrestart_policy = limited\nlimited_max_restarts = 3\n")
    first, second = (apply(added, name)["restart_policy"] for name in "ab")
    assert isinstance(first, Limited)
    assert first is not second


def test_the_second_service_of_a_name(read: Read) -> None:
    added = read("[service:a]\nworkers = 3\n[service:b]\nworkers = 3\n[service:b-2]\nworkers = 4\n")
    given = {"workers": 1, "restart_policy": None}
    assert added.apply("a-2", "a", given)["workers"] == 3
    assert added.apply("b-2", "b", given)["workers"] == 4


def test_sections_that_nobody_uses_are_told(read: Read) -> None:
    added = read("[service:a]\n[service:b]\nworkers = 1\n")
    apply(added, "A")
    (line,) = added.unused()
    assert line.endswith("[service:b] is not used: the program has no service of that name")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[cotyledon]\nservices = a",
            "[cotyledon] services: the program adds its services itself; remove it",
        ),
        (
            "[service:a]\nservice_type = b",
            "[service:a] service_type: the program makes this service itself; remove it",
        ),
        ("[service:a]\nworkerz = 1", "[service:a] workerz: is unknown; did you mean workers?"),
        (
            "[service:a b]\nworkers = 1",
            "[service:a b]: 'a b' is no name; use letters, digits and . _ - @",
        ),
        (
            "[service:a]\nmax_surge = many",
            "[service:a] max_surge: 'many' is no count such as 2, and no percentage such as 25%",
        ),
    ],
)
def test_faults(conf: Callable[[str], cfg.ConfigOpts], text: str, fault: str) -> None:
    assert faults(conf(text)) == [fault]


def test_a_section_that_the_program_has_itself(conf: Callable[[str], cfg.ConfigOpts]) -> None:
    """As designate has [service:central], with workers and threads of its own."""
    made = conf(
        """\
        [service:central]
        workers = 5
        threads = 1000
        managed_resource_email = root@example.com
        start_timeout = 30
        """
    )
    made.register_opts([cfg.IntOpt("workers"), cfg.IntOpt("threads")], "service:central")
    added = AddedServices.read(made)
    assert added is not None
    found = apply(added, "central")
    assert found["workers"] == 2, "the program counts for itself"
    assert found["start_timeout"] == 30
    assert made["service:central"].workers == 5


def test_what_is_wrong_in_a_section_that_the_program_has_itself(
    conf: Callable[[str], cfg.ConfigOpts],
) -> None:
    made = conf("[service:central]\nthreads = 3\nstart_timeout = soon\n")
    made.register_opts([cfg.IntOpt("threads")], "service:central")
    (fault,) = faults(made)
    assert fault.startswith("[service:central] start_timeout: 'soon' is wrong")
