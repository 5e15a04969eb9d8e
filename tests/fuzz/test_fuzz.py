"""The fuzzing targets: what is known, and what is found in some seconds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from cotyledon_core.control import protocol as spoken
from cotyledon_core.control.connection import Connection
from cotyledon_core.control.protocol import Lines
from cotyledon_core.process import descriptors
from tests.fuzz import protocol, server
from tests.fuzz.stage import Socket

HERE = Path(__file__).parent
TARGETS: dict[str, ModuleType] = {"protocol": protocol, "server": server}
RUNS = {"protocol": 5000, "server": 1500}
SEEDS = sorted((HERE / "corpus").glob("*/*"))


@pytest.fixture(autouse=True)
def _nothing_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a play that has failed."""
    monkeypatch.setattr(Socket, "by_number", {})
    monkeypatch.setattr(descriptors, "_own", set(descriptors._own))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_is_known(seed: Path) -> None:
    TARGETS[seed.parent.name].check(seed.read_bytes())


@pytest.mark.fuzz
@pytest.mark.timeout(300)
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed, see [fuzz]")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(target: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz", target, str(tmp_path)),
            *(str(HERE / "corpus" / target), "-seed=1", f"-artifact_prefix={tmp_path}/"),
            *(f"-runs={RUNS[target]}", "-max_total_time=60"),
        ],
        cwd=HERE.parents[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "DONE " in done.stdout


# -- that the targets would notice


def _lost(self: Connection, request_id: object, value: object) -> None:
    """No answer."""


def _twice(self: Connection, request_id: object, value: object) -> None:
    for _ in range(2):
        self._put(spoken.result(request_id, value))  # type: ignore[arg-type]


def _of_somebody_else(self: Connection, request_id: object, value: object) -> None:
    self._put(spoken.result(999, value))


def _left_open(self: Connection) -> None:
    self.tasks.clear()


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("answer", _lost),
        ("answer", _twice),
        ("answer", _of_somebody_else),
        ("close", _left_open),
        ("has_request", property(lambda self: False)),
        ("idle_since", lambda self: -1e9),
    ],
)
def test_a_faulty_server_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., object]
) -> None:
    monkeypatch.setattr(Connection, name, broken)
    with pytest.raises(AssertionError):
        server.check((HERE / "corpus/server/looks").read_bytes())


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("next", lambda self: bytes(self._received)),
        ("whole", property(lambda self: False)),
        ("feed", lambda self, data: self._received.extend(data + data)),
    ],
)
def test_a_faulty_parser_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., object]
) -> None:
    monkeypatch.setattr(Lines, name, broken)
    with pytest.raises(AssertionError):
        protocol.check((HERE / "corpus/protocol/pieces").read_bytes())
