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


VANISHING = """
def make(worker_id):
    raise ImportError("from within")
"""


def test_failures_at_boot_and_after_it(launch: Launch, method: str) -> None:
    application = launch("deaths", "failing", method=method, files={"vanishing.py": VANISHING})
    unborn = application.wait_for_one("exited", service="unborn")
    assert (unborn.phase, unborn.status["code"]) == ("boot", 1)
    assert unborn.detail == "LookupError('nothing to do')"
    assert unborn.detail in unborn.text
    refusing = application.wait_for_one("exited", service="refusing")
    assert (refusing.phase, refusing.status["code"]) == ("run", 1)
    assert refusing.detail == "ValueError('on purpose')"
    vanished = application.wait_for_one("exited", service="make")
    assert (vanished.phase, vanished.status["code"]) == ("boot", 1)
    assert ("from within" if method == "fork" else "No module named") in vanished.detail
    assert "start of make(0)" in application.output()
    assert application.stop() == 0
