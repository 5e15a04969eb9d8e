"""Ends are told truthfully."""

from __future__ import annotations

from tests.functional.harness import Launch


def test_resource_usage(launch: Launch, method: str) -> None:
    application = launch("deaths", "burning", method=method)
    ended = application.wait_for_one("exited")
    assert ended.status == {"code": 3, "signal": None}
    if method == "forkserver":
        # it is not the manager's child
        assert ended.cpu_user is ended.cpu_system is ended.peak_memory is None
    else:
        assert 0.3 <= ended.cpu_user + ended.cpu_system < 30
        assert 64 << 20 <= ended.peak_memory < 4 << 30
    assert application.stop() == 0
