"""What another configuration would change, told from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.origin import Origin
from cotyledon_core.config.preview import preview_of_others
from cotyledon_core.exceptions import ConfigurationError

ONE = "[cotyledon]\nservices = one\n[service:one]\nservice_type = example\n"


def test_only_what_the_manager_reads_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the user who asks has a configuration, the manager has not read it
    home, directory = tmp_path / "home", tmp_path / "conf.d"
    home.mkdir()
    directory.mkdir()
    (home / "cotyledon.conf").write_text("[cotyledon]\nspawn_interval = 7\n")
    (directory / "one.conf").write_text(ONE)
    new = tmp_path / "new.conf"
    new.write_text(f"{ONE}workers = 2\n")
    monkeypatch.setenv("HOME", str(home))
    sources = [f"--config-dir={directory}"]
    found = preview_of_others(sources, compile_settings(load([f"--config-file={new}"])))
    assert found["live"] == found["refused"] == found["added"] == found["removed"] == []
    assert [change["effects"] for change in found["changed"]] == [["scaled"]]
    assert found["sources"] == sources


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    new = tmp_path / "new.conf"
    new.write_text(ONE)
    settings = compile_settings(load([f"--config-file={new}"]))
    with pytest.raises(ConfigurationError, match="absent"):
        preview_of_others([f"--config-file={tmp_path}/absent.conf"], settings)


def test_the_arguments_name_everything_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf.d").mkdir()
    for name in ("b.conf", "a.conf"):
        (tmp_path / name).write_text(ONE)
    monkeypatch.chdir(tmp_path)
    given = ["--config-file=b.conf", "--config-dir=conf.d", "--config-file=a.conf"]
    arguments = Origin.of(load(given, defaults=False)).arguments()
    assert arguments == [
        f"--config-file={tmp_path}/b.conf",
        f"--config-dir={tmp_path}/conf.d",
        f"--config-file={tmp_path}/a.conf",
    ]
    assert Origin.of(load(arguments, defaults=False)).arguments() == arguments
