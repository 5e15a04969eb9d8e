"""Services that take the whole configuration: what each of their workers has after a reload."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.configured import Running, Sections, sections
from tests.functional.harness import Launch

OLD = {"fixed": "old", "soft": "old"}
SEEN = ("seen", "mutated", "reload")


def whole(
    method: str,
    paint: dict[str, str],
    kind: str = "whole",
    reload_method: str = "reload",
    **web: Any,
) -> Sections:
    given = {"start_method": method, "reload_method": reload_method}
    made = sections(given, web={"service_type": kind, "workers": 2, **web}, batch={})
    return made | {"paint": paint}


@pytest.mark.parametrize("reload_method", ["reload", "mutate"])
def test_a_mutable_change_keeps_the_processes(
    launch: Launch, method: str, reload_method: str
) -> None:
    running = Running(launch, whole(method, OLD, reload_method=reload_method), method=method)
    before = running.wait_for_counts(web=2, batch=1)
    result = running.succeed(whole(method, OLD | {"soft": "new"}, reload_method=reload_method))
    assert (result.reloaded, result.replaced) == (2, 0)
    assert running.wait_for_counts(web=2, batch=1) == before
    assert running.seen(running.pids("web"), *SEEN) == [("old", "new")] * 2
    told = running.application.records("mutated")
    assert {record.pid for record in told} == set(running.pids("web").values())
    assert all("paint.soft" in record.fresh for record in told)
    running.stop()


@pytest.mark.parametrize("reload_method", ["reload", "mutate"])
def test_another_change_replaces(launch: Launch, method: str, reload_method: str) -> None:
    running = Running(launch, whole(method, OLD, reload_method=reload_method), method=method)
    before = running.wait_for_counts(web=2, batch=1)
    new = {"fixed": "new", "soft": "new"}
    result = running.succeed(whole(method, new, reload_method=reload_method))
    assert (result.reloaded, result.replaced) == (0, 2)
    after = running.wait_for_counts(web=2, batch=1)
    assert after["batch", 0] == before["batch", 0]
    running.application.wait_for("seen", 4)
    assert running.seen(running.pids("web"), *SEEN) == [("new", "new")] * 2
    running.stop()


def test_one_s_own_reload_follows_in_place(launch: Launch, method: str) -> None:
    running = Running(launch, whole(method, OLD, "whole-in-place"), method=method)
    before = running.wait_for_counts(web=2, batch=1)
    new = {"fixed": "new", "soft": "new"}
    result = running.succeed(whole(method, new, "whole-in-place"))
    assert (result.reloaded, result.replaced) == (2, 0)
    assert running.wait_for_counts(web=2, batch=1) == before
    assert running.seen(running.pids("web"), "reload") == [("new", "new")] * 2
    running.stop()


def test_mutate_replaces_where_more_is_changed(launch: Launch, method: str) -> None:
    mutate = ("whole-in-place", "mutate")
    running = Running(launch, whole(method, OLD, *mutate), method=method)
    before = running.wait_for_counts(web=2, batch=1)
    result = running.succeed(whole(method, OLD | {"soft": "new"}, *mutate))
    assert (result.reloaded, result.replaced) == (2, 0)
    assert running.seen(running.wait_for_counts(web=2, batch=1), "reload") == [("old", "new")] * 2
    result = running.succeed(whole(method, {"fixed": "new", "soft": "newer"}, *mutate))
    assert (result.reloaded, result.replaced) == (0, 2)
    after = running.wait_for_counts(web=2, batch=1)
    assert after["batch", 0] == before["batch", 0]
    running.application.wait_for("seen", 4)
    assert running.seen(running.pids("web"), *SEEN) == [("new", "newer")] * 2
    running.stop()


def test_a_service_s_own_options(launch: Launch, method: str) -> None:
    running = Running(launch, whole(method, OLD, own="a", own_soft="a"), method=method)
    before = running.wait_for_counts(web=2, batch=1)
    assert running.succeed(whole(method, OLD, own="a", own_soft="b")).reloaded == 2
    assert running.wait_for_counts(web=2, batch=1) == before
    told = running.application.wait_for("mutated", 2)
    assert all(record.fresh == ["service:web.own_soft"] for record in told)
    assert running.succeed(whole(method, OLD, own="b", own_soft="b")).replaced == 2
    running.stop()


def test_what_it_cannot_read_does_not_concern_it(launch: Launch) -> None:
    method = "fork"
    running = Running(launch, whole(method, OLD))
    before = running.wait_for_counts(web=2, batch=1)
    changed = whole(method, OLD)
    changed["service:batch"]["value"] = "new"
    assert running.succeed(changed).replaced == 1
    after = running.wait_for_counts(web=2, batch=1)
    assert {key: after[key] for key in after if key[0] == "web"}.items() <= before.items()
    assert not running.application.records("mutated")
    running.stop()


def test_a_failed_reload_gives_the_values_back(launch: Launch, method: str) -> None:
    running = Running(launch, whole(method, OLD), method=method)
    running.wait_for_counts(web=2, batch=1)
    wrong = whole(method, {"fixed": "new", "soft": "new"})
    wrong["service:batch"]["behaviour"] = "raise"
    assert running.fail(wrong).service == "batch"
    running.application.wait_for("reload_undone")
    running.write(whole(method, OLD))
    after = running.wait_for_counts(web=2, batch=1)
    running.application.until(
        lambda: running.seen(running.pids("web"), *SEEN) == [("old", "old")] * 2, "the old values"
    )
    assert running.succeed(whole(method, OLD | {"soft": "newer"})).replaced == 0
    assert running.wait_for_counts(web=2, batch=1) == after
    assert running.seen(running.pids("web"), *SEEN) == [("old", "newer")] * 2
    running.stop()


# An application's own ConfigOpts


def own(method: str, values: dict[str, str], **changes: Any) -> Sections:
    given = {"start_method": method, **changes}
    return sections(given, web={"service_type": "global", "workers": 2}) | {"DEFAULT": values}


@pytest.mark.parametrize("reload_method", ["reload", "mutate"])
def test_an_application_with_a_global_configuration(launch: Launch, reload_method: str) -> None:
    how = {"reload_method": reload_method}
    running = Running(launch, own("fork", OLD, **how), "own")
    before = running.wait_for_counts(web=2)
    running.application.wait_for("seen", 2)
    assert running.succeed(own("fork", OLD | {"soft": "new"}, **how)).replaced == 0
    assert running.wait_for_counts(web=2) == before
    in_manager = running.application.wait_for("manager mutated", pid=running.application.manager)
    assert [(record.fixed, record.soft) for record in in_manager] == [("old", "new")]
    in_workers = [
        record
        for record in running.application.records("manager mutated")
        if record.pid in before.values()
    ]
    assert [(record.fixed, record.soft) for record in in_workers] == [("old", "new")] * 2
    assert running.succeed(own("fork", {"fixed": "new", "soft": "newer"}, **how)).replaced == 2
    running.application.wait_for("seen", 4)
    assert running.seen(running.wait_for_counts(web=2), "seen") == [("new", "newer")] * 2
    assert running.seen(running.pids("web"), "worker has") == [("new", "newer")] * 2
    running.stop()
