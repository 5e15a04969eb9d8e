"""Who may do what."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.control.access import Level, Peer, level, peer_of
from cotyledon_core.control_settings import ControlSettings

OWN = 1000
LISTED = ControlSettings(
    read_only_uids=frozenset({11}),
    read_only_gids=frozenset({12}),
    read_write_uids=frozenset({21}),
    read_write_gids=frozenset({22}),
)


@pytest.mark.parametrize(
    ("uid", "gids", "expected"),
    [
        (0, {0}, Level.WRITE),
        (OWN, {5}, Level.WRITE),
        (2, {2}, Level.NOTHING),
        (11, {2}, Level.READ),
        (2, {2, 12}, Level.READ),
        (21, {2}, Level.WRITE),
        (2, {22}, Level.WRITE),
        (11, {22}, Level.WRITE),
        (12, {2}, Level.NOTHING),
        (2, {0}, Level.NOTHING),
    ],
)
def test_levels(uid: int, gids: set[int], expected: Level) -> None:
    assert level(Peer(1, uid, frozenset(gids)), OWN, LISTED) is expected


@given(st.integers(1, 2**32 - 2), st.frozensets(st.integers(0, 2**32 - 2)))
def test_nobody_else_is_let_in_by_default(uid: int, gids: frozenset[int]) -> None:
    found = level(Peer(1, uid, gids), OWN, ControlSettings())
    assert found is (Level.WRITE if uid == OWN else Level.NOTHING)


def test_the_kernel_is_asked() -> None:
    one, other = socket.socketpair()
    with one, other:
        peer = peer_of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert peer.gids == {os.getegid(), *os.getgroups()}
