"""What ``cotyledon check --diff`` makes of the manager's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cotyledon_core.cli.check import Incomparable, _preview
from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.control.results import Preview

OLD = "[cotyledon]\nservices =\nspawn_interval = 1\n"


class Client:
    """Of a manager that answers so."""

    def __init__(self, **answer: Any) -> None:
        self._answer = answer

    def preview(self) -> Preview:
        return Preview.of(self._answer)


def preview(client: Client, new: ManagerSettings, given: str) -> Preview:
    return _preview(client, new, [given])  # type: ignore[arg-type]


@pytest.fixture
def old(tmp_path: Path) -> str:
    path = tmp_path / "old.conf"
    path.write_text(OLD)
    return f"--config-file={path}"


@pytest.fixture
def new(tmp_path: Path) -> ManagerSettings:
    path = tmp_path / "new.conf"
    path.write_text(OLD.replace("1", "2"))
    return compile_settings(load([f"--config-file={path}"]))


def test_the_manager_s_own_files_are_its_to_compare(old: str, new: ManagerSettings) -> None:
    found = preview(Client(sources=[old], live=["told"]), new, old)
    assert found.live == ("told",)


def test_others_are_compared_here(old: str, new: ManagerSettings) -> None:
    found = preview(Client(sources=[old]), new, "--config-file=new.conf")
    assert found.live == ("[cotyledon] spawn_interval",)


@pytest.mark.parametrize("answer", [{}, {"sources": []}])
def test_without_files_there_is_nothing_to_compare(
    answer: dict[str, Any], new: ManagerSettings
) -> None:
    with pytest.raises(Incomparable, match="no configuration files"):
        preview(Client(**answer), new, "--config-file=new.conf")


@pytest.mark.parametrize("difference", [{"live": ["x"]}, {"added": ["x"]}, {"refused": ["x"]}])
def test_what_runs_must_be_in_the_files(
    difference: dict[str, Any], old: str, new: ManagerSettings
) -> None:
    with pytest.raises(Incomparable, match=r"reload the manager before \(it has .*old\.conf\)"):
        preview(Client(sources=[old], **difference), new, "--config-file=new.conf")
