"""Who may do what: decided by the credentials that the kernel gives of a peer."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from enum import IntEnum

from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.record import Record

_CREDENTIALS = struct.Struct("iII")
SO_PEERCRED: int = getattr(socket, "SO_PEERCRED", 17)
SO_PEERGROUPS = 59
"""Of Linux; not in Python's module."""
BUFFER = 1024
"""Bytes of an answer that Python has room for: 256 groups."""


class Level(IntEnum):
    """What a peer may do; each includes what stands before it."""

    NOTHING = 0
    READ = 1
    WRITE = 2


class Peer(Record):
    """Who is at the other end."""

    pid: int
    uid: int
    gids: frozenset[int]

    def __str__(self) -> str:
        return f"uid {self.uid}, pid {self.pid}"


def level(peer: Peer, own_uid: int, settings: ControlSettings) -> Level:
    """What the peer may do.

    :param own_uid: the manager's.
    """
    if peer.uid in (0, own_uid):
        return Level.WRITE
    if _listed(peer, settings.read_write_uids, settings.read_write_gids):
        return Level.WRITE
    if _listed(peer, settings.read_only_uids, settings.read_only_gids):
        return Level.READ
    return Level.NOTHING


def _listed(peer: Peer, uids: Iterable[int], gids: Iterable[int]) -> bool:
    return peer.uid in uids or not peer.gids.isdisjoint(gids)


def peer_of(connected: socket.socket) -> Peer:
    """The credentials that the other end had when it connected or began to listen.

    :raises OSError: if the system does not tell.
    """
    data = connected.getsockopt(socket.SOL_SOCKET, SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(data)
    return Peer(pid, uid, frozenset({gid, *_more_groups(connected)}))


def _more_groups(connected: socket.socket) -> tuple[int, ...]:
    try:
        data = connected.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, BUFFER)
    except OSError:
        return ()
    return struct.unpack(f"{len(data) // 4}I", data)


def own_uid() -> int:
    """The manager's effective one."""
    return os.geteuid()
