"""Distributions to find entry points in, without installing any."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest


class FakeDistributions:
    """Writes what an installed distribution leaves on ``sys.path``."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root = root
        self._monkeypatch = monkeypatch

    def install(
        self,
        name: str = "acme-plugins",
        *,
        entry_points: str = "",
        modules: Mapping[str, str] | None = None,
    ) -> None:
        """
        :param name: the distribution's; its version is 1.2.
        :param entry_points: the text of ``entry_points.txt``.
        :param modules: sources by module name.
        """
        site = self._root / name
        info = site / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        for module, source in (modules or {}).items():
            (site / f"{module}.py").write_text(textwrap.dedent(source))
        self._monkeypatch.syspath_prepend(site)


@pytest.fixture
def distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDistributions]:
    before = set(sys.modules)
    yield FakeDistributions(tmp_path, monkeypatch)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
