"""The list of all options, and the sample made of it."""

from __future__ import annotations

import io
from importlib import metadata
from pathlib import Path

import pytest
from oslo_config import cfg, generator

from cotyledon_core.config import options
from cotyledon_core.plugins.loading import PluginInfo, discover

SAMPLE = Path(__file__).resolve().parents[3] / "etc" / "cotyledon.conf.sample"


def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the plugins of other distributions."""

    def own() -> list[PluginInfo]:
        return [info for info in discover() if info.distribution == "cotyledon-core"]

    monkeypatch.setattr(options, "discover", own)


def names(group: str | None) -> set[str]:
    listed = {found.name if found else None: opts for found, opts in options.list_opts()}
    return {option.dest for option in listed[group]}


def test_all_options_are_listed() -> None:
    assert names(None) == {"graceful_shutdown_timeout", "log_options"}
    assert {"services", "name", "restart_delay", "capped_period"} <= names("cotyledon")
    assert {"service_type", "workers", "command", "rlimits"} <= names("service:command")
    assert {"service_type", "target"} <= names("service:sample")
    own = {"socket", "watchdog_quorum", "extend_timeout", "extend_limit"}
    assert names("notifier:systemd") == {"notifier_type", *own}


def test_each_option_has_a_help(monkeypatch: pytest.MonkeyPatch) -> None:
    ours(monkeypatch)
    assert all(option.help for _, listed in options.list_opts() for option in listed)


def test_what_is_listed_is_a_copy() -> None:
    options.list_opts()[1][1][0].default = ["changed"]
    assert options.MANAGER_OPTIONS[0].default is None


def test_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """``oslo-config-generator --namespace cotyledon_core`` writes what is in ``etc``."""
    if not any(found.name == "cotyledon_core" for found in _entry_points()):
        pytest.skip("the project is not installed: no entry point for oslo-config-generator")
    ours(monkeypatch)
    conf = cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    conf(["--namespace", "cotyledon_core"])
    made = io.StringIO()
    generator.generate(conf, output_file=made)
    assert SAMPLE.read_text(encoding="utf-8") == made.getvalue(), (
        "regenerate it: oslo-config-generator --namespace cotyledon_core "
        "--output-file etc/cotyledon.conf.sample"
    )


def _entry_points() -> metadata.EntryPoints:
    return metadata.entry_points(group="oslo.config.opts")


def test_the_sample_is_a_valid_configuration(write: object) -> None:
    from cotyledon_core.config.loader import compile_settings, load

    text = SAMPLE.read_text(encoding="utf-8").replace("#services = ", "services = example # ")
    text = (
        text.split("services = example")[0]
        + "services = example\n"
        + "".join(line + "\n" for line in text.split("services = example")[1].splitlines()[1:])
    )
    settings = compile_settings(load([f"--config-file={write(text)}"]))  # type: ignore[operator]
    assert [service.name for service in settings.services] == ["example"]
    assert settings.notices == ()
