"""The dashboard's page in a real browser, beside a real manager."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from cotyledon_core.control import ControlError
from cotyledon_core.control.results import WorkerStatus
from tests.functional import dashboard_fake as fake
from tests.functional.browsing import MISSING, Browser, started
from tests.functional.dashboard_fake import FakeDashboard
from tests.functional.dashboards import TOKEN, Dashboard
from tests.functional.harness import Launch

pytest.importorskip("aiohttp")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

SELDOM = 3600
"""An interval so long that what the page shows before comes by an event."""
DIALOG = "dialog[open]"


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """A browser whose console is empty; no page may complain there."""
    one_browser.clear()
    yield one_browser
    complaints = one_browser.complaints()
    one_browser.clear()
    assert complaints == []


@pytest.fixture
def faked() -> Iterator[FakeDashboard]:
    server = FakeDashboard()
    yield server
    server.close()


class Shown(Dashboard):
    """A manager with the service ``web``, and a dashboard with a token.

    :param web: its options.
    :param services: further ones.
    :param more: other sections of the configuration.
    :param options: of the dashboard.
    """

    def __init__(
        self,
        launch: Launch,
        web: dict[str, Any] | None = None,
        services: dict[str, dict[str, Any]] | None = None,
        more: dict[str, dict[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        all_services = {"web": {"workers": 2, **(web or {})}, **(services or {})}
        super().__init__(launch, {"token": TOKEN, **options}, all_services, more)

    @property
    def url(self) -> str:
        """Where the page is, once it is served."""
        return f"http://127.0.0.1:{self.port()}/"

    def worker(self, service: str, number: int = 0) -> WorkerStatus:
        with self.client() as client:
            return client.status(service, number).services[0].workers[0]

    def commands(self) -> list[str]:
        """What clients have commanded so far."""
        with self.client() as client:
            entries = list(client.events())
        return [entry.data["command"] for entry in entries if entry.event == "commanded"]


def row(worker: str) -> str:
    return f'[data-worker="{worker}"]'


def head(service: str) -> str:
    return f'[data-service="{service}"] .service'


def labelled(text: str) -> str:
    return f'button[aria-label="{text}"]'


def sign_in(browser: Browser, running: Shown) -> None:
    browser.open(running.url)
    browser.fill("#token", TOKEN)
    browser.click("#sign-in-form button")
    browser.wait_for(row("web:0"), "running")


def confirm(browser: Browser, button: str, *parts: str) -> None:
    """Press a button, read the question, and confirm it."""
    browser.click(button)
    browser.wait_for(DIALOG, *parts)
    browser.click(f"{DIALOG} .foot button:last-child")
    browser.wait_until_gone(DIALOG)


# -- seeing


def test_status_appears(launch: Launch, browser: Browser) -> None:
    running = Shown(launch, services={"batch": {"workers": 1}})
    sign_in(browser, running)
    with running.client() as client:
        status = client.status()
    assert browser.text("#name") == status.manager.name
    assert str(status.manager.pid) in browser.text("#facts")
    browser.wait_for("#badges", "as wanted", "ready")
    assert [text.split()[0] for text in browser.texts("tr.service .name")] == [
        "web",
        "batch",
        "dashboard",
    ]
    for service in status.services:
        browser.wait_for(head(service.name), "running", f"{service.wanted} of {service.wanted}")
        for worker in service.workers:
            name = f"{service.name}:{worker.worker}"
            browser.wait_for(row(name), name, "running", str(worker.pid), "MiB", "%")


def test_killed_worker_is_shown_though_no_look_is_due(launch: Launch, browser: Browser) -> None:
    running = Shown(launch, interval=SELDOM)
    sign_in(browser, running)
    pid = running.worker("web", 1).pid
    assert pid is not None
    browser.wait_for(row("web:1"), str(pid))
    os.kill(pid, signal.SIGKILL)
    browser.wait_for(row("web:1"), "Last end", "signal 9", "running")
    assert str(pid) not in browser.text(row("web:1") + " .process")
    browser.wait_for("#events", f"worker web({1}) ended", f"pid {pid}")


def test_history_tells_how_it_ended_and_what_followed(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    os.kill(running.worker("web", 1).pid or 0, signal.SIGKILL)
    running.application.until(lambda: running.worker("web", 1).ready, "another process")
    sign_in(browser, running)
    browser.wait_for("#ends", "web:1", "signal", "SIGKILL", "took its place")
    browser.wait_for('[data-lane="web"]', "1 signal")
    lane = browser.find('[data-lane="web"] .lane')
    assert lane.get_attribute("aria-label") == "web: 1 end in 15\xa0min: 1 signal"
    browser.wait_for("#ends-count", "1 end in the last 15 min")


def test_curves_are_drawn_and_told(launch: Launch, browser: Browser) -> None:
    sign_in(browser, Shown(launch))
    browser.emulate(height=2000)

    def spoken(name: str) -> list[str]:
        return [
            str(picture)
            for picture in browser.script(
                "return [...document.querySelectorAll(arguments[0])].map((e) => e.ariaLabel)",
                f'[data-plots="{name}"] svg',
            )
        ]

    for name, title in (("", "the manager"), ("web", "web")):
        browser.until(lambda name=name: all("now" in text for text in spoken(name)), "curves")
        cpu, memory = spoken(name)
        assert re.match(rf"CPU of {title}: now [\d.]+\s%, between", cpu)
        assert re.match(rf"Memory of {title}: now [\d.]+\sMiB, between", memory)
        selector = f'[data-plots="{name}"] .line'
        browser.until(
            lambda selector=selector: "L" in (browser.find(selector).get_attribute("d") or ""),
            "a line",
        )


def test_status_text_stays_text(launch: Launch, browser: Browser) -> None:
    text = '<script>document.title="in"</script><img src="x" onerror="document.title=1">'
    running = Shown(launch, web={"status_text": text})
    sign_in(browser, running)
    browser.wait_for(f"{row('web:0')} .status-text", text)
    browser.click("#events-statuses")
    browser.wait_for("#events", text)
    assert browser.driver.find_elements("css selector", "main img, main script") == []
    assert "in" not in browser.driver.title.split()


def test_events_can_be_held_and_chosen(launch: Launch, browser: Browser) -> None:
    running = Shown(launch, services={"batch": {"workers": 1}})
    sign_in(browser, running)
    browser.wait_for("#events", "worker batch(0) ready", "worker web(0) ready")
    browser.find("#events-service").send_keys("batch")
    browser.wait_for("#events", "worker batch(0) ready")
    assert "worker web(0)" not in browser.text("#events")
    browser.click("#events-pause")
    pid = running.worker("batch").pid
    os.kill(pid or 0, signal.SIGKILL)
    browser.until(lambda: re.search(r"\([1-9]\d* new\)", browser.text("#events-pause")), "news")
    assert f"pid {pid}" in browser.text("#events")
    assert "ended" not in browser.text("#events")
    browser.click("#events-pause")
    browser.wait_for("#events", "worker batch(0) ended")


# -- who may


def test_wrong_token_does_not_get_in(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    browser.open(running.url)
    browser.fill("#token", "close sesame")
    browser.press(Keys.ENTER)
    browser.wait_for("#sign-in-error", "Not signed in", "not the token")
    assert not browser.shows("#dashboard")
    assert all("401" in line for line in browser.complaints())
    browser.fill("#token", TOKEN)
    browser.press(Keys.ENTER)
    browser.wait_for(row("web:0"), "running")
    browser.click("#manager-actions button:last-child")
    browser.wait_for("#sign-in", "Sign in")


def test_without_token_nothing_is_offered(launch: Launch, browser: Browser) -> None:
    running = Shown(launch, token=None)
    browser.open(running.url)
    browser.wait_for(row("web:0"), "running")
    browser.wait_for("#look-only", "actions need a token")
    offered = browser.texts("button:not(.toggle)")
    assert offered == ["Pause"]


# -- acting


def test_restart_of_a_worker(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    pid, other = (running.worker("web", number).pid for number in (0, 1))
    browser.click(labelled("Restart web:0"))
    browser.wait_for(DIALOG, f"Worker web:0 (process {pid}) is asked to end")
    browser.click(f"{DIALOG} .foot button:first-child")
    browser.wait_until_gone(DIALOG)
    confirm(browser, labelled("Restart web:0"), f"process {pid}")

    def another() -> bool:
        shown = browser.text(f"{row('web:0')} .process")
        return shown.isdecimal() and shown != str(pid)

    browser.until(another, "another pid")
    browser.wait_for("#done", "Restart web:0")
    assert running.commands() == ["restart web:0"]
    assert browser.text(f"{row('web:1')} .process") == str(other)


def test_keyboard_alone_restarts(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    pid = running.worker("web", 1).pid
    browser.script("document.activeElement.blur()")
    browser.tab_to(labelled("Restart web:1"))
    assert browser.script("return document.activeElement.matches(':focus-visible')")
    browser.press(Keys.ENTER)
    browser.wait_for(DIALOG, str(pid))
    browser.press(Keys.ESCAPE)
    browser.wait_until_gone(DIALOG)
    focused = browser.driver.switch_to.active_element
    assert focused.get_attribute("aria-label") == "Restart web:1"
    browser.press(Keys.ENTER)
    browser.wait_for(DIALOG)
    browser.press(Keys.ENTER)
    browser.wait_until_gone(DIALOG)
    running.application.until(
        lambda: running.worker("web", 1).pid not in (None, pid), "another process"
    )


def test_actions_on_a_service(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    browser.click(labelled("Scale web"))
    browser.wait_for(DIALOG, "nothing changes")
    browser.fill(f"{DIALOG} input", "3")
    browser.wait_for(DIALOG, "1 worker more of web will be started")
    browser.press(Keys.ENTER)
    browser.wait_for(row("web:2"), "running")
    pids = {running.worker("web", number).pid for number in range(3)}
    confirm(browser, labelled("Restart web"), "a few at a time")

    def replaced() -> bool:
        workers = [running.worker("web", number) for number in range(3)]
        return all(each.ready and each.pid not in pids for each in workers)

    running.application.until(replaced, "other processes")
    confirm(browser, labelled("Stop web"), "The 3 running workers of web are asked to end")
    browser.wait_for(row("web:2"), "stopped")
    browser.wait_for(head("web"), "stopped", "0 of 3 ready")
    confirm(browser, labelled("Start web:1"))
    browser.wait_for(row("web:1"), "running")
    assert "stopped" in browser.text(row("web:2"))


def test_refused_action_tells_why(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    browser.click(labelled("Scale web"))
    browser.fill(f"{DIALOG} input", "99999")
    browser.press(Keys.ENTER)
    with running.client() as client, pytest.raises(ControlError) as refused:
        client.scale("web", 99_999)
    browser.wait_for(f"{DIALOG} .alert", "Not done", str(refused.value))
    browser.press(Keys.ESCAPE)
    browser.complaints()


def test_reload_shows_what_would_change(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    running.sections["service:web"]["workers"] = 3
    running.sections["cotyledon"]["services"] = "web, more, dashboard"
    running.sections["service:more"] = {"service_type": "valued"}
    running.write(running.sections)
    button = "#manager-actions button:first-child"
    confirm(browser, button, "+ service more", "~ web: scaled (2 → 3 workers)")
    browser.wait_for(row("web:2"), "running")
    browser.wait_for(row("more:0"), "running")
    browser.wait_for("#badges", "reload succeeded")
    browser.click(button)
    browser.wait_for(DIALOG, "nothing would change")


def test_stacks_and_log_level(launch: Launch, browser: Browser) -> None:
    sign_in(browser, Shown(launch))
    browser.click(labelled("Stacks web:0"))
    browser.click(f"{DIALOG} .foot button:last-child")
    browser.wait_for(f"{DIALOG} pre", "thread", "File")
    browser.press(Keys.ESCAPE)
    browser.wait_until_gone(DIALOG)
    browser.click("#manager-actions button:nth-child(2)")
    browser.fill(f"{DIALOG} input", "some.part")
    browser.find(f"{DIALOG} select").send_keys("WARNING")
    browser.wait_for(DIALOG, "The logger some.part of the manager's process gets the level WARNING")
    browser.click(f"{DIALOG} .foot button:last-child")
    browser.wait_for(f"{DIALOG} [role=status]", "some.part: WARNING, effective WARNING")


def test_shutdown(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    confirm(browser, "#manager-actions .danger", "Then the manager ends")
    assert running.application.wait() == 0
    browser.wait_for("#lost", "does not answer")
    browser.complaints()


# -- when nobody answers


def test_manager_that_does_not_answer_is_told(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    running.application.send(signal.SIGSTOP)
    browser.wait_for("#lost", "The manager does not answer")
    running.application.send(signal.SIGCONT)
    browser.wait_until_gone("#lost")
    browser.wait_for("#badges", "as wanted")


def test_page_comes_back_when_the_dashboard_does(launch: Launch, browser: Browser) -> None:
    running = Shown(
        launch,
        more={"socket:page": {"address": "127.0.0.1:0"}},
        sockets="page",
    )
    sign_in(browser, running)
    browser.script("window.there = true")
    pid = running.worker("dashboard").pid
    os.kill(pid or 0, signal.SIGKILL)
    browser.wait_for(row("dashboard:0"), "Last end", "signal 9", "running")
    browser.wait_until_gone("#lost")
    browser.wait_for("#ends", "dashboard:0", "SIGKILL")
    assert browser.script("return window.there"), "it was loaded again"
    assert all("ERR_" in line for line in browser.complaints())


def test_dashboard_that_hangs_is_told(launch: Launch, browser: Browser) -> None:
    running = Shown(launch)
    sign_in(browser, running)
    pid = running.worker("dashboard").pid or 0
    os.kill(pid, signal.SIGSTOP)
    browser.wait_for("#lost", "The dashboard does not answer")
    os.kill(pid, signal.SIGCONT)
    browser.wait_until_gone("#lost")
    os.kill(running.worker("web").pid or 0, signal.SIGKILL)
    browser.wait_for(row("web:0"), "Last end", "signal 9", "running")


def test_page_comes_back_once(faked: FakeDashboard, browser: Browser) -> None:
    faked.status = crowd(1)
    browser.open(faked.url)
    browser.wait_for(row("web:0"), "running")
    browser.until(lambda: faked.asked["/api/events"], "what was before")
    with faked.hold("/api/session"):
        # as if nothing had come for long
        browser.script("const now = performance.now(); performance.now = () => now + 1e6")
        browser.wait_for("#lost", "does not answer")
        browser.until(lambda: faked.asked["/api/session"] == 2, "an attempt")
    browser.wait_until_gone("#lost")
    faked.send("status", crowd(2))
    browser.wait_for(row("web:1"), "running")
    assert faked.asked["/api/stream"] == 2


def test_page_that_is_cut_off_twice_misses_nothing(faked: FakeDashboard, browser: Browser) -> None:
    faked.status = crowd(1)
    with faked.hold("/api/events"):
        browser.open(faked.url)
        browser.until(lambda: faked.asked["/api/events"] == 1, "the first time")
        faked.hang_up()
        browser.until(lambda: faked.asked["/api/events"] == 2, "the second time")
        faked.send("entry", {**fake.ENTRY, "number": 1, "text": "worker web(0) ready"})
        faked.send("status", crowd(2))
        browser.wait_for(row("web:1"), "running")
    browser.wait_for("#events", "worker web(0) ready")


# -- many workers


def crowd(count: int, **changed: dict[str, Any]) -> dict[str, Any]:
    """The status of so many workers.

    :param changed: fields of single ones, by ``worker_`` and number.
    """
    workers = [
        fake.worker(number, **changed.get(f"worker_{number}", {})) for number in range(count)
    ]
    return fake.snapshot(fake.service("web", workers))


def test_thousand_workers_are_changed_in_place(faked: FakeDashboard, browser: Browser) -> None:
    faked.status = crowd(1000)
    browser.open(faked.url)
    browser.wait_for(head("web"), "1000 of 1000 ready")
    assert not browser.shows(row("web:0"))
    browser.click(f"{head('web')} .toggle")
    browser.wait_for(row("web:999"), "running")
    browser.script("""
        window.changes = 0;
        const watch = new MutationObserver((all) => window.changes += all.length);
        watch.observe(document.querySelector("#services-table"),
            {subtree: true, childList: true, characterData: true, attributes: true});
        for (const row of document.querySelectorAll("tr.worker")) row.there = true;
    """)
    dead = {"state": "backoff", "ready": False, "pid": None, "pids": [], "restart_in": 5.0}
    faked.send("status", crowd(1001, worker_500=dead))
    browser.wait_for(row("web:500"), "backoff", "Starts again in")
    browser.wait_for(row("web:1000"), "running")
    fresh = "return [...document.querySelectorAll('tr.worker')].filter((row) => !row.there).length"
    assert browser.script(fresh) == 1
    # one row of nine cells, one new row, the sums; a rebuilt table has thousands
    assert browser.script("return window.changes") < 100
    browser.click("#services-unready")
    browser.until(lambda: len(browser.texts("tr.worker")) == 1, "the one that is not ready")
    assert browser.shows(row("web:500"))


def test_focus_stays_while_rows_change(faked: FakeDashboard, browser: Browser) -> None:
    faked.status = crowd(3)
    browser.open(faked.url)
    browser.wait_for(row("web:2"), "running")
    browser.script("document.querySelector(arguments[0]).focus()", labelled("Restart web:2"))
    more = fake.service("api", [fake.worker(0)])
    status = crowd(3, worker_2={"restarts": 7})
    faked.send("status", {**status, "services": [more, *status["services"]]})
    browser.wait_for(f"{row('web:2')} .number", "7")
    browser.wait_for(head("api"))
    focused = browser.driver.switch_to.active_element
    assert focused.get_attribute("aria-label") == "Restart web:2"


def test_scaling_begins_at_what_is_wanted(faked: FakeDashboard, browser: Browser) -> None:
    ending = fake.worker(2, goal="down", state="stopping", ready=False)
    faked.status = fake.snapshot(
        fake.service("web", [fake.worker(0), fake.worker(1), ending], wanted=2)
    )
    browser.open(faked.url)
    browser.click(labelled("Scale web"))
    browser.wait_for(DIALOG, "web is to have 2 workers: nothing changes")
    browser.fill(f"{DIALOG} input", "3")
    browser.wait_for(DIALOG, "1 worker more of web will be started: 3 instead of 2")


def test_what_is_grave_is_told_and_takes_a_choice(faked: FakeDashboard, browser: Browser) -> None:
    browser.open(faked.url)
    browser.click("#manager-actions .danger")
    browser.wait_for(DIALOG, "Shut down fake?")
    assert browser.driver.switch_to.active_element.text == "Cancel"
    told = browser.script(
        "return document.querySelector(arguments[0]).ariaDescribedByElements", DIALOG
    )
    assert "Then the manager ends" in told[0].text
    browser.press(Keys.ENTER)
    browser.wait_until_gone(DIALOG)


def test_key_that_is_held_confirms_nothing(faked: FakeDashboard, browser: Browser) -> None:
    faked.status = crowd(1)
    browser.open(faked.url)
    browser.wait_for(row("web:0"), "running")
    browser.script("document.querySelector(arguments[0]).focus()", labelled("Restart web:0"))
    enter: dict[str, Any] = {"type": "keyDown", "key": "Enter", "code": "Enter", "text": "\r"}
    enter["windowsVirtualKeyCode"] = 13
    for repeated in (False, True, True):
        browser.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {**enter, "autoRepeat": repeated})
    browser.wait_for(DIALOG, "Restart web:0?")
    assert browser.script("return document.activeElement.matches('dialog .primary')")
    assert faked.asked["/api/actions/restart"] == 0
    # another press does
    browser.press(Keys.ENTER)
    browser.until(lambda: faked.asked["/api/actions/restart"], "the action")
    browser.wait_until_gone(DIALOG)


def test_too_many_browsers_is_told(faked: FakeDashboard, browser: Browser) -> None:
    faked.full = True
    browser.open(faked.url)
    browser.wait_for("#lost", "As many browsers look", "Trying again")
    faked.full = False
    browser.until(lambda: not browser.shows("#lost"), "the stream")
    assert all("503" in line for line in browser.complaints())


def test_what_is_offered_follows_what_one_may_do(faked: FakeDashboard, browser: Browser) -> None:
    faked.status = fake.snapshot(fake.service("web", [fake.worker(0)]))
    browser.open(faked.url)
    browser.wait_for(row("web:0"), "Restart")
    browser.wait_for("#manager-actions", "Shut down")
    assert not browser.shows("#look-only")
    faked.send("status", {**faked.status, "may_act": False})
    browser.wait_for("#look-only", "You may look, but not act")
    assert browser.texts("button:not(.toggle)") == ["Pause"]
    faked.send("status", faked.status)
    browser.until(lambda: not browser.shows("#look-only"), "the end of the notice")
    assert "Shut down…" in browser.texts("button:not(.toggle)")


def test_curves_go_on_though_the_clock_goes_back(faked: FakeDashboard, browser: Browser) -> None:
    browser.open(faked.url)
    browser.wait_for("#plots", "the manager")
    status = fake.snapshot()
    for back, percent in ((0, 7.0), (3600, 77.0)):
        manager = {**status["manager"], "cpu": percent}
        faked.send("status", {**status, "at": status["at"] + 1 - back, "manager": manager})
    browser.wait_for("#plots", "77 %")


def test_old_events_have_their_day(faked: FakeDashboard, browser: Browser) -> None:
    browser.open(faked.url)
    browser.wait_for("#plots", "the manager")
    for number, at in ((1, 1_780_000_000.0), (2, time.time())):
        faked.send("entry", {**fake.ENTRY, "number": number, "wall_time": at})
    browser.wait_for("#events", "28 May")
    today, old = browser.until(
        lambda: found if len(found := browser.texts("#events time")) == 2 else None, "both"
    )
    assert re.fullmatch(r"\d\d:\d\d:\d\d", today)
    assert re.fullmatch(r"28 May \d\d:\d\d:\d\d", old)


def test_each_gap_is_told(faked: FakeDashboard, browser: Browser) -> None:
    browser.open(faked.url)
    browser.wait_for("#plots", "the manager")
    gap = {**fake.ENTRY, "event": "dropped", "number": None, "wall_time": None}
    for missing in (7, 8):
        faked.send("entry", {**gap, "text": f"{missing} entries are missing here"})
    browser.wait_for("#events", "7 entries", "8 entries")


# -- how it looks


def test_what_is_old_can_still_be_read(faked: FakeDashboard, browser: Browser) -> None:
    def look() -> list[str]:
        style = "const s = getComputedStyle(document.querySelector('#services'));"
        found: list[str] = browser.script(f"{style} return [s.opacity, s.borderTopStyle]")
        return found

    browser.open(faked.url)
    browser.wait_for("#services")
    assert look() == ["1", "solid"]
    faked.send("lost", {"text": "gone"})
    browser.wait_for("#lost", "gone")
    assert look() == ["1", "dashed"]


def test_nothing_scrolls_sideways_on_a_phone(launch: Launch, browser: Browser) -> None:
    name = "a-service-with-a-rather-long-name-that-is-never-broken"
    running = Shown(launch, services={name: {"status_text": "x" * 300}})
    browser.emulate(360, 740)
    sign_in(browser, running)
    browser.wait_for(f"{row(f'{name}:0')} .status-text")
    os.kill(running.worker(name).pid or 0, signal.SIGKILL)
    browser.wait_for("#ends", name)
    browser.wait_for(row(f"{name}:0"), "running", "Last end")
    width, inner = browser.script("return [document.documentElement.scrollWidth, innerWidth]")
    assert width <= inner == 360
    browser.click(labelled(f"Restart {name}:0"))
    dialog = browser.script("return arguments[0].getBoundingClientRect()", browser.find(DIALOG))
    assert dialog["left"] >= 0
    assert dialog["right"] <= 360
    assert browser.script("return arguments[0].scrollWidth", browser.find(DIALOG)) <= 360


def test_dark_scheme_has_another_background(launch: Launch, browser: Browser) -> None:
    sign_in(browser, Shown(launch))

    def colours() -> tuple[str, str]:
        style = "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        back, text = browser.script(style)
        return back, text

    light = colours()
    browser.emulate(scheme="dark")
    dark = colours()
    assert light[0] != dark[0]
    assert light[1] != dark[1]
