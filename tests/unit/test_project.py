"""What can be held of the project's metadata, so that its files do not drift apart."""

from __future__ import annotations

import configparser
import importlib
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cotyledon_core", "cotyledon_plugins")


def read_setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def read_entry_points() -> list[tuple[str, str, str]]:
    """Namespace, name and object reference of each."""
    return [
        (namespace, *(part.strip() for part in line.split("=")))  # type: ignore[misc]
        for namespace, lines in read_setup_cfg()["options.entry_points"].items()
        for line in lines.strip().splitlines()
    ]


def read_pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def readme_commands() -> list[str]:
    readme = (ROOT / "README.rst").read_text(encoding="utf-8")
    return re.findall(r"^ +(python3 -m venv .*)$", readme, re.MULTILINE)


@pytest.mark.parametrize(("namespace", "name", "reference"), read_entry_points())
def test_entry_point_leads_to_something(namespace: str, name: str, reference: str) -> None:
    module, _, attribute = reference.partition(":")
    assert callable(getattr(importlib.import_module(module), attribute)), f"{namespace}: {name}"


def test_entry_points_are_complete() -> None:
    """Each plugin file has its entry point."""
    registered = {reference.partition(":")[0] for _, _, reference in read_entry_points()}
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in [
            *(ROOT / "cotyledon_plugins").glob("*/*.py"),
            # a plugin that is a package
            *(ROOT / "cotyledon_plugins").glob("notifiers/*/notifier.py"),
            *(ROOT / "cotyledon_plugins").glob("services/*/service.py"),
        ]
        if not path.name.startswith("_")
    }
    assert files == {name for name in registered if name.startswith("cotyledon_plugins.")}


def test_metadata_is_in_setup_cfg_alone() -> None:
    """A ``[project]`` table would void setup.cfg."""
    assert "project" not in read_pyproject()
    assert read_setup_cfg()["metadata"]["name"] == "cotyledon-core"


def test_only_three_distributions_are_required() -> None:
    lines = read_setup_cfg()["options"]["install_requires"].strip().splitlines()
    names = {re.split(r"[<>=!~; ]", line, maxsplit=1)[0] for line in lines}
    assert names == {"oslo.config", "setproctitle", "stevedore"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_directory_with_code_is_installed(package: str) -> None:
    """``find:`` passes over a directory without ``__init__.py``, and the wheel lacks it."""
    directories = {path.parent for path in (ROOT / package).rglob("*.py")}
    assert [path for path in directories if not (path / "__init__.py").exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_marked_as_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()
    assert "py.typed" in read_setup_cfg()["options.package_data"][package].split(", ")


def test_every_supported_python_is_named_everywhere() -> None:
    setup_cfg = read_setup_cfg()
    versions = re.findall(r"Python :: (3\.\d+)$", setup_cfg["metadata"]["classifiers"], re.M)
    environments = [f"py{version.replace('.', '')}" for version in versions]
    assert setup_cfg["options"]["python_requires"] == f">={versions[0]}"
    assert read_pyproject()["tool"]["mypy"]["python_version"] == versions[0]
    assert ", ".join(environments) in (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert f"for version in {' '.join(versions)};" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_readme_says_how_to_run_and_how_to_test() -> None:
    run, test = readme_commands()
    assert run.endswith("/bin/cotyledon run --config-file etc/example.conf")
    assert (ROOT / "etc/example.conf").exists()
    assert test.endswith("/bin/python -m pytest")


def test_ci_runs_what_readme_says_passes_the_tests() -> None:
    script = ROOT / ".ci/run"
    lines = [line.strip() for line in script.read_text(encoding="utf-8").splitlines()]
    assert readme_commands()[1] in lines
    assert script.stat().st_mode & stat.S_IXUSR
