"""How the end of a fork server's worker is learnt."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from cotyledon_core.plugins.restart_policy import ExitStatus
from cotyledon_core.process.board import NOWHERE
from cotyledon_core.process.child import WatchedChild

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="there is no pidfd")


class Served:
    """multiprocessing's side: the fork server tells the status through a pipe."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.sentinel, self.server = os.pipe()

    @property
    def exitcode(self) -> int:
        """Read when it is there; reading it too early may meet it half told."""
        return int.from_bytes(os.read(self.sentinel, 8), signed=True)

    def tell(self, exitcode: int) -> None:
        os.write(self.server, exitcode.to_bytes(8, signed=True))

    def close(self) -> None: ...


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    os.close(made.sentinel)


@pytest.fixture
def child(served: Served) -> Iterator[WatchedChild]:
    made = WatchedChild(served, NOWHERE, served=True)
    yield made
    made.close()


def test_what_was_not_told_yet_is_not_asked_for(served: Served, child: WatchedChild) -> None:
    os.set_blocking(served.sentinel, False)
    assert child.status() is None
    served.tell(-11)
    assert child.status() == ExitStatus(signal=11)
    os.close(served.server)


def test_what_was_told_counts_although_the_server_is_gone(
    served: Served, child: WatchedChild
) -> None:
    served.tell(7)
    os.close(served.server)
    assert child.status() == ExitStatus(code=7)


def test_without_its_server_the_status_is_unknown(served: Served, child: WatchedChild) -> None:
    os.close(served.server)
    assert child.status() == ExitStatus()
