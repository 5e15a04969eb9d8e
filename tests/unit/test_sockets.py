"""The sockets that a worker was given, as it sees them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from cotyledon_core import Service, Sockets


@pytest.fixture
def given() -> Iterator[Sockets]:
    """``http``, twice, and ``admin``."""
    families = [("http", socket.AF_INET), ("admin", socket.AF_UNIX), ("http", socket.AF_INET6)]
    made = Sockets([(name, socket.socket(family).detach()) for name, family in families])
    yield made
    for name in made:
        for each in made.all(name):
            each.close()


def test_a_mapping_of_the_first_of_each_name(given: Sockets) -> None:
    assert list(given) == ["http", "admin"]
    assert len(given) == 2
    assert given["http"].family == socket.AF_INET
    assert given["admin"].family == socket.AF_UNIX
    assert given["http"] is given["http"]
    assert "other" not in given
    assert given.get("other") is None


def test_all_of_a_name(given: Sockets) -> None:
    families = [each.family for each in given.all("http")]
    assert families == [socket.AF_INET, socket.AF_INET6]
    assert given.all("http")[0] is given["http"]


def test_a_name_that_was_not_asked_for(given: Sockets) -> None:
    with pytest.raises(KeyError, match=r"no socket 'other'; .* has http, admin"):
        given["other"]
    with pytest.raises(KeyError, match="has none"):
        Sockets().all("http")


def test_none_outside_a_worker() -> None:
    assert dict(Service(0).sockets) == {}


def test_a_service_s_own_attribute_stands() -> None:
    class Own(Service):
        def __init__(self, worker_id: int) -> None:
            self.sockets = ["mine"]  # type: ignore[assignment]

    assert Own(0).sockets == ["mine"]
