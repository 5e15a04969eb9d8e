"""``oslo_config_glue``: files are read again in the manager and in every worker."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.functional.harness import Launch, Record

OLD = {"fixed": "old", "mutable": "old"}
NEW = {"fixed": "new", "mutable": "new"}
MUTATED = {"fixed": "old", "mutable": "new"}


def text(value: str, **more: Any) -> str:
    lines = [f"fixed = {value}", f"mutable = {value}"]
    return "\n".join(["[DEFAULT]", *lines, *(f"{key} = {entry}" for key, entry in more.items())])


def seen(record: Record) -> dict[str, str]:
    return {"fixed": record.fixed, "mutable": record.mutable}


@pytest.mark.parametrize(("how", "expected"), [("reload", NEW), ("mutate", MUTATED)])
def test_files_are_read_again_everywhere(
    launch: Launch, method: str, how: str, expected: dict[str, str]
) -> None:
    application = launch("configured", "glued", how, method=method, files={"app.conf": text("old")})
    workers = application.wait_for_workers(3)
    assert all(seen(record) == OLD for record in application.records("seen"))
    application.write("app.conf", text("new"))
    application.send(signal.SIGHUP)
    reloads = application.wait_for("reload", 2)
    assert [seen(record) for record in reloads] == [expected] * 2
    assert {record.pid for record in reloads} == {workers["web", 0], workers["web", 1]}
    assert seen(application.wait_for_one("manager sees")) == expected
    successor = application.wait_for_replacement(workers["batch", 0], ("batch", 0))
    # A fresh interpreter may read the files itself, with whatever is fixed.
    if method == "fork":
        assert seen(application.wait_for_one("seen", pid=successor)) == expected
    assert application.wait_for_one("seen", pid=successor).mutable == "new"
    assert application.stop() == 0


def test_broken_file_changes_nothing(launch: Launch, method: str) -> None:
    application = launch("configured", "glued", method=method, files={"app.conf": text("old")})
    application.wait_for_workers(3)
    application.write("app.conf", "[DEFAULT\nthis is no configuration")
    application.send(signal.SIGHUP)
    signal.sigtimedwait((), 0.3)
    assert all(seen(record) == OLD for record in application.records("reload"))
    application.write("app.conf", text("new"))
    application.send(signal.SIGHUP)
    application.until(
        lambda: any(seen(record) == NEW for record in application.records("manager sees")),
        "the mended file",
    )
    assert application.stop() == 0


@pytest.mark.parametrize("scenario", ["grace", "foreign_option"])
def test_grace_period_is_the_configured_one(launch: Launch, method: str, scenario: str) -> None:
    application = launch(
        "configured",
        scenario,
        method=method,
        files={"app.conf": text("old", graceful_shutdown_timeout=1)},
    )
    application.wait_for_workers(1)
    assert application.stop() in (0, 1)


def test_grace_period_changes_with_a_reload(launch: Launch) -> None:
    application = launch(
        "configured",
        "grace",
        files={"app.conf": text("old", graceful_shutdown_timeout=3600)},
    )
    workers = application.wait_for_workers(1)
    application.write("app.conf", text("old", graceful_shutdown_timeout=1))
    application.send(signal.SIGHUP)
    application.wait_for("terminate", pid=workers["endless", 0])
    assert application.stop() in (0, 1)


def test_options(launch: Launch) -> None:
    application = launch("configured", "options", files={"app.conf": text("old")})
    assert application.wait() == 0, application.output()
