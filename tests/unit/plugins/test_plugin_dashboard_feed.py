"""What the dashboard sees of a manager, and what its browsers are told; with a fake manager."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cotyledon_core.control import ControlError, NoManager
from cotyledon_plugins.services.dashboard import feed as feed_module
from cotyledon_plugins.services.dashboard.feed import Feed, Message, Subscription
from cotyledon_plugins.services.dashboard.snapshot import History, Usage, snapshot

from dashboard_samples import (  # isort: skip  # beside this file
    DEADLINE,
    FakeManager,
    entry,
    service,
    status,
    worker,
)


class Browser:
    """Reads what it is sent, message by message."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self._waiting: list[tuple[str, Any]] = []

    async def next(self, kind: str) -> Any:
        """The data of the next message of this kind; others are passed over."""
        async with asyncio.timeout(DEADLINE):
            while True:
                while self._waiting:
                    found, data = self._waiting.pop(0)
                    if found == kind:
                        return data
                for event in (await self.subscription.next()).decode().split("\n\n")[:-1]:
                    first, second = event.split("\n")
                    data = json.loads(second.removeprefix("data: "))
                    self._waiting.append((first.removeprefix("event: "), data))


Story = Callable[[FakeManager, Feed, Browser], Awaitable[None]]


def play(story: Story, *, interval: float = 3600.0, has_token: bool = True) -> None:
    """Have it happen to a feed with one browser."""

    async def main() -> None:
        manager = FakeManager()
        feed = Feed(manager.connect, interval, 3, has_token=has_token)
        with feed.subscribe(lambda: None) as subscription:
            looking = asyncio.create_task(feed.run())
            try:
                await story(manager, feed, Browser(subscription))
                assert not looking.done()
            finally:
                looking.cancel()
                await asyncio.wait([looking])

    asyncio.run(main())


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "SHORTEST_RETRY", 0.01)
    monkeypatch.setattr(feed_module, "LONGEST_RETRY", 0.02)
    monkeypatch.setattr(feed_module, "SHORTEST_GAP", 0.01)


def test_a_browser_is_told_what_is_seen() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        seen = await browser.next("status")
        assert seen == json.loads(json.dumps(await feed.looked()))
        assert (seen["as_wanted"], seen["may_act"], seen["services"][0]["ready"]) == (True, True, 1)

    play(story)


def test_it_is_looked_again_at_intervals() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        manager.status = status(service("web", worker(None)))
        while (await browser.next("status"))["as_wanted"]:
            pass
        for _ in range(3):
            await browser.next("status")
        assert set(manager.looks) == {True}
        assert len(feed.history.as_dict()["manager"]) == 3

    play(story, interval=0.02)


def test_an_event_is_told_and_has_it_looked_again_at_once() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        await browser.next("status")
        manager.status = status(service("web", worker(None)))
        manager.tell(entry(1))
        assert (await browser.next("entry"))["number"] == 1
        assert (await browser.next("status"))["services"][0]["ready"] == 0
        # what processes use is measured at intervals only
        assert manager.looks == [True, False]
        assert len(feed.history.as_dict()["manager"]) == 1

    play(story)


def test_many_events_have_it_looked_no_more_often_than_allowed() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        begun = time.monotonic()
        await browser.next("status")
        manager.tell(*map(entry, range(1, 501)))
        while (await browser.next("entry"))["number"] < 500:
            pass
        await browser.next("status")
        gaps = (time.monotonic() - begun) / feed_module.SHORTEST_GAP
        assert len(manager.looks) <= 2 + gaps
        assert [each.number for each in feed.entries] == list(range(1, 501))

    play(story)


def test_of_the_entries_the_last_are_kept() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        await browser.next("status")
        manager.tell(*map(entry, range(1, 1501)))
        while (await browser.next("entry"))["number"] < 1500:
            pass
        assert [each.number for each in feed.entries] == list(range(501, 1501))

    play(story)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (NoManager("nobody is there"), "nobody is there"),
        (ControlError("not_allowed", "uid 7 may not"), "uid 7 may not"),
        (TimeoutError(), "the manager does not answer"),
    ],
)
def test_a_manager_that_does_not_answer_is_told_of(fault: Exception, text: str) -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        await browser.next("status")
        manager.tell(entry(1))
        await browser.next("entry")
        manager.fail(fault)
        assert await browser.next("lost") == {"text": text}
        assert await feed.looked() is None
        assert feed.may_act is not isinstance(fault, ControlError)
        # those who come now are told at once
        with feed.subscribe(lambda: None) as late:
            assert await Browser(late).next("lost") == {"text": text}
        manager.fault = None
        await browser.next("status")
        assert feed.fault == ""
        manager.tell(entry(2))
        assert (await browser.next("entry"))["number"] == 2
        assert manager.followed == [None, 1]

    play(story, interval=0.02)


def test_it_is_told_once() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        manager.fail(NoManager("gone"))
        await browser.next("lost")
        while manager.refused < 5:
            await asyncio.sleep(0.01)
        manager.fail(NoManager("not yet"))
        assert await browser.next("lost") == {"text": "not yet"}

    play(story, interval=0.02)


def test_another_manager_counts_entries_anew() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        await browser.next("status")
        manager.tell(entry(500), entry(None))
        await browser.next("entry")
        manager.restart(pid=101)
        await browser.next("lost")
        manager.tell(entry(1))
        manager.fail(None)
        await browser.next("status")
        assert (await browser.next("entry"))["number"] == 1
        assert [each.number for each in feed.entries] == [1]
        assert manager.followed == [None, None]

    play(story, interval=0.02)


@pytest.mark.parametrize(
    ("has_token", "level", "may_act"),
    [(True, "write", True), (True, "read", False), (False, "write", False)],
)
def test_who_may_act(has_token: bool, level: str, may_act: bool) -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        manager.level = level
        assert (await browser.next("status"))["may_act"] is may_act
        assert feed.may_act is may_act

    play(story, has_token=has_token)


def test_a_reload_may_change_who_may_act() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        assert (await browser.next("status"))["may_act"] is True
        manager.level = "read"
        manager.tell(entry(1, event="manager_reloaded"))
        assert (await browser.next("entry"))["number"] == 1
        assert (await browser.next("status"))["may_act"] is False

    play(story)


def test_a_mistake_of_ours_ends_it() -> None:
    async def main() -> None:
        manager = FakeManager()
        manager.fail(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(DEADLINE):
                await Feed(manager.connect, 1.0, 3, has_token=False).run()

    asyncio.run(main())


# -- what waits for a browser


def subscribed(story: Callable[[Subscription, list[str]], Awaitable[None]]) -> None:
    async def main() -> None:
        calls: list[str] = []
        await story(Subscription(lambda: calls.append("let go")), calls)

    asyncio.run(main())


def test_a_newer_status_takes_the_place_of_one_that_waits() -> None:
    async def story(subscription: Subscription, calls: list[str]) -> None:
        for number in range(5):
            subscription.put(Message("status", {"number": number}))
            subscription.put(Message("entry", {"number": number}))
        browser = Browser(subscription)
        assert [(await browser.next("entry"))["number"] for _ in range(4)] == [0, 1, 2, 3]
        assert await browser.next("status") == {"number": 4}
        assert await browser.next("entry") == {"number": 4}

    subscribed(story)


def test_a_browser_that_does_not_read_is_let_go() -> None:
    async def story(subscription: Subscription, calls: list[str]) -> None:
        for _ in range(feed_module.MOST_WAITING):
            subscription.put(Message("entry", {}))
        assert not subscription.over
        assert calls == []
        subscription.put(Message("entry", {}))
        assert subscription.over
        assert calls == ["let go"]
        assert await subscription.next() == b""
        # nothing is kept for it any more
        for _ in range(10):
            subscription.put(Message("entry", {}))
        assert await subscription.next() == b""
        assert calls == ["let go"]

    subscribed(story)


def test_an_end_wakes_who_waits() -> None:
    async def story(subscription: Subscription, calls: list[str]) -> None:
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0)
        subscription.end()
        async with asyncio.timeout(DEADLINE):
            assert await waiting == b""

    subscribed(story)


def test_after_the_end_nobody_subscribes() -> None:
    async def main() -> None:
        feed = Feed(FakeManager().connect, 1.0, 3, has_token=False)
        with feed.subscribe(lambda: None) as before:
            feed.end()
            assert before.over
        with feed.subscribe(lambda: None) as after:
            assert after.over
        assert feed.subscribers == 0

    asyncio.run(main())


# -- snapshots and history


def test_a_snapshot_has_what_processes_use() -> None:
    seen = status(
        service("web", worker(7, resident_bytes=1000), worker(8, resident_bytes=500), wanted=3),
        service("idle", worker(None)),
        resident_bytes=50,
    )
    made = snapshot(seen, Usage.of(seen, {100: 1.5, 7: 40.0}), 12.0, may_act=False)
    web, idle = made["services"]
    assert (made["at"], made["may_act"], made["as_wanted"]) == (12.0, False, False)
    assert (made["manager"]["cpu"], made["manager"]["memory"]) == (1.5, 50)
    assert [(each["cpu"], each["memory"]) for each in web["workers"]] == [(40.0, 1000), (None, 500)]
    assert (web["cpu"], web["memory"], web["as_wanted"]) == (40.0, 1500, False)
    assert (idle["cpu"], idle["memory"]) == (None, None)


def test_what_is_not_known_is_null() -> None:
    seen = status(service("web", worker(9)))
    made = snapshot(seen, Usage(), 12.0, may_act=True)
    assert (made["manager"]["cpu"], made["services"][0]["workers"][0]["memory"]) == (None, None)


def test_the_history_has_the_last_samples_of_the_services_that_are_there() -> None:
    history = History(2)
    for at in range(3):
        seen = status(service("web", worker(7, resident_bytes=at), restarts=at), resident_bytes=9)
        history.add(seen, Usage.of(seen, {7: 5.0}), at)
    assert history.as_dict() == {
        "manager": [[1, None, 9], [2, None, 9]],
        "services": {"web": [[1, 5.0, 1, 1, 1, 1], [2, 5.0, 2, 1, 1, 2]]},
    }
    seen = status(service("other", worker(8)))
    history.add(seen, Usage.of(seen, {}), 3)
    assert history.as_dict()["services"] == {"other": [[3, None, None, 1, 1, 0]]}


def test_the_history_goes_on_though_the_clock_goes_back() -> None:
    history = History(9)
    seen = status(service("web", worker(7)))
    for at in (100, 101, 102, 100.5):
        history.add(seen, Usage(), at)
    assert [sample[0] for sample in history.as_dict()["manager"]] == [100, 100.5]
    assert [sample[0] for sample in history.as_dict()["services"]["web"]] == [100, 100.5]


def test_cpu_is_measured_between_two_looks() -> None:
    async def story(manager: FakeManager, feed: Feed, browser: Browser) -> None:
        manager.status = status(service("web", worker(7, cpu_seconds=1.0)))
        assert (await browser.next("status"))["services"][0]["cpu"] is None
        manager.status = status(service("web", worker(7, cpu_seconds=500.0)))
        while (cpu := (await browser.next("status"))["services"][0]["cpu"]) in (None, 0.0):
            pass
        assert cpu > 0
        while (await browser.next("status"))["services"][0]["cpu"] != 0.0:
            pass

    play(story, interval=0.02)
