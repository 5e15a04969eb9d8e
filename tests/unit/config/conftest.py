"""Configurations to read, and plugins to find."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from textwrap import dedent

import pytest

from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.exceptions import ConfigurationError

import config_samples  # isort: skip  # beside this file

ROOT = Path(__file__).resolve().parents[3]

Write = Callable[..., Path]
Compile = Callable[..., ManagerSettings]


@pytest.fixture(scope="session", autouse=True)
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample plugins' distribution, and our own if it is not installed."""
    site = tmp_path_factory.mktemp("site")
    _write_distribution(site, "config-samples", config_samples.ENTRY_POINTS)
    try:
        metadata.distribution("cotyledon-core")
    except metadata.PackageNotFoundError:
        _write_distribution(site, "cotyledon-core", _own_entry_points())
    sys.path.insert(0, str(site))
    yield site
    sys.path.remove(str(site))


def _own_entry_points() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return {
        namespace: dict(map(str.strip, line.split("=")) for line in lines.strip().splitlines())  # type: ignore[misc]
        for namespace, lines in parser["options.entry_points"].items()
    }


def _write_distribution(
    site: Path, name: str, entry_points: Mapping[str, Mapping[str, str]]
) -> None:
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for namespace, names in entry_points.items():
        lines += [f"[{namespace}]", *(f"{key} = {value}" for key, value in names.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let nothing of the host's leak in."""
    for name in list(os.environ):
        if name.startswith("OS_") or name == "NOTIFY_SOCKET":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration file."""

    def write_file(text: str, name: str = "a.conf") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def compiled(write: Write) -> Compile:
    """The meaning of a configuration file's text."""

    def compile_text(text: str) -> ManagerSettings:
        return compile_settings(load([f"--config-file={write(text)}"]))

    return compile_text


@pytest.fixture
def faults(compiled: Compile) -> Callable[[str], tuple[str, ...]]:
    """What is wrong with a configuration file's text."""

    def find(text: str) -> tuple[str, ...]:
        with pytest.raises(ConfigurationError) as caught:
            compiled(text)
        return caught.value.faults

    return find
