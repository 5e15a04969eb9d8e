"""The dashboard of a real manager, asked as browsers do, and as they must not."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.dashboards import BEARER, OWN_PAGE, TOKEN, Browser, Dashboard
from tests.functional.harness import DEADLINE, Launch

FOREIGN = (403, "foreign_origin")
PATHS = [
    "/api/status",
    "/api/history",
    "/api/events",
    "/api/stream",
    "/api/preview",
    "/api/nothing",
    "//api/status",
    "/static/../api/status",
    "/static/%2e%2e/api/status",
    "/api/session/../status",
]


@pytest.fixture
def running(launch: Launch) -> Iterator[Dashboard]:
    running = Dashboard(launch, {"token": TOKEN}, {"web": {"workers": 2}, "batch": {}})
    yield running
    running.stop()


@pytest.fixture
def signed_in(running: Dashboard) -> Browser:
    browser = running.browser()
    assert browser.sign_in().status == 204
    return browser


# -- signing in


def test_a_session(running: Dashboard) -> None:
    browser = running.browser()
    session = browser.get("/api/session").value
    assert session == {"token": True, "signed_in": False, "may_act": False, "full": False}
    answer = browser.sign_in()
    assert (answer.status, answer.body) == (204, b"")
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith(f"cotyledon-dashboard-{browser.port}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= set(attributes)
    assert "Secure" not in attributes
    session = browser.get("/api/session").value
    assert session == {"token": True, "signed_in": True, "may_act": True, "full": False}
    assert browser.get("/api/status").value["manager"]["pid"] == running.application.pid
    # it goes on with another worker
    old = running.pids()["dashboard", 0]
    os.kill(old, signal.SIGKILL)
    running.application.until(
        lambda: running.pids().get(("dashboard", 0), old) != old, "another worker"
    )
    again = Browser(running.port(), Cookie=browser.headers["Cookie"])
    again.headers["Cookie"] = again.headers["Cookie"].replace(str(browser.port), str(again.port))
    assert again.get("/api/status").status == 200
    answer = again.post("/api/sign-out")
    assert (answer.status, "Max-Age=0" in answer.headers["Set-Cookie"]) == (204, True)


def test_a_session_that_was_signed_out_is_over_for_all_who_have_its_cookie(
    running: Dashboard,
) -> None:
    first, second = running.browser(), running.browser()
    for browser in (first, second):
        browser.sign_in()
    copied = Browser(first.port, **first.headers)
    with copied.stream() as stream:
        stream.next("status")
        assert first.post("/api/sign-out").status == 204
        stream.read_to_the_end()
    assert copied.get("/api/status").code == (401, "sign_in")
    assert copied.act("log-level").code == (401, "sign_in")
    assert copied.get("/api/session").value["signed_in"] is False
    assert second.get("/api/status").status == 200
    # whose browser it is may sign in again
    assert first.sign_in().status == 204
    assert first.get("/api/status").status == 200


def test_a_cookie_of_https_is_for_https_alone(running: Dashboard) -> None:
    browser = running.browser()
    origin = {"Host": "localhost", "Origin": "https://localhost"}
    answer = browser.post("/api/sign-in", {"token": TOKEN}, origin)
    assert "Secure" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": "cotyledon-dashboard-{port}=99999999999." + "0" * 64},
        {"Cookie": f"cotyledon-dashboard-{{port}}={TOKEN}"},
    ],
)
def test_who_is_not_signed_in_sees_nothing(
    one: Browser, path: str, headers: dict[str, str]
) -> None:
    headers = {name: value.format(port=one.port) for name, value in headers.items()}
    answer = one.get(path, headers)
    assert answer.status in (401, 403, 404)
    assert b"services" not in answer.body
    if path in PATHS[:6]:
        assert answer.code == (401, "sign_in")


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A dashboard for all tests that change nothing."""
    from tests.functional.harness import Application

    applications = []

    def launch(script: str, *arguments: str, **options: Any) -> Application:
        directory = tmp_path_factory.mktemp("d")
        applications.append(Application(script, *arguments, directory=directory, **options))
        return applications[-1]

    try:
        running = Dashboard(launch, {"token": TOKEN, "hosts": "dash.example.org"})
        yield running.browser()
        running.stop()
    finally:
        for application in applications:
            application.close()


@pytest.mark.parametrize("action", ["scale", "reload", "shutdown", "dump", "nothing"])
def test_who_is_not_signed_in_does_nothing(one: Browser, action: str) -> None:
    assert one.act(action).code == (401, "sign_in")


def test_wrong_tokens_are_bounded(running: Dashboard) -> None:
    browser = running.browser()
    answers = [browser.sign_in(wrong).code for wrong in ("", "open", TOKEN.upper(), TOKEN + " ")]
    answers.append(browser.get("/api/status", {"Authorization": "Bearer wrong"}).code)
    assert answers == [(401, "wrong_token")] * 4 + [(401, "sign_in")]
    # whoever it is, and right ones, too
    for token in ("wrong", TOKEN):
        assert running.browser().sign_in(token).code == (429, "too_many")
    assert browser.get("/api/status", BEARER).code == (429, "too_many")
    assert browser.get("/api/session").value["signed_in"] is False


def test_wrong_tokens_keep_out_no_owner_of_a_long_one(launch: Launch) -> None:
    token = "0123456789abcdef" * 2
    running = Dashboard(launch, {"token": token})
    browser = running.browser()
    answers = [browser.sign_in(token[:-1] + "x").code for _ in range(6)]
    assert answers == [(401, "wrong_token")] * 5 + [(429, "too_many")]
    assert browser.get("/api/status", {"Authorization": f"Bearer {token}"}).status == 200
    assert browser.sign_in(token).status == 204
    assert browser.sign_in(token.upper()).code == (429, "too_many")
    running.stop()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_others_asks_for_nothing(one: Browser, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    for path in ("/api/stream", "/api/status", "/api/session", "/api/preview"):
        assert one.get(path, {**BEARER, **headers}).code == FOREIGN
    # but it may have a link to ours
    assert one.get("/", headers).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"token": 1}', b'{"token": null}', b"\xff"])
def test_no_sign_in_at_all(one: Browser, body: bytes) -> None:
    assert one.ask("POST", "/api/sign-in", body, OWN_PAGE).code == (400, "bad_request")


def test_any_text_may_be_tried(running: Dashboard) -> None:
    body = b'{"token": "\\ud800 \\u0000 \xc3\xa4"}'
    answer = running.browser().ask("POST", "/api/sign-in", body, OWN_PAGE)
    assert answer.code == (401, "wrong_token")


# -- pages of others


@pytest.mark.parametrize("path", ["/", "/static/index.html", "/api/session", "/api/status"])
def test_another_host_is_not_answered_for(one: Browser, path: str) -> None:
    for host in ("evil.example", f"evil.example:{one.port}", "", "dash.example.org.evil.example"):
        assert one.get(path, {"Host": host, **BEARER}).code == (421, "foreign_host")
    for host in (f"localhost:{one.port}", "dash.example.org", f"127.0.0.1:{one.port}"):
        assert one.get(path, {"Host": host, **BEARER}).status == 200


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
def test_one_host_is_named(one: Browser, hosts: list[str]) -> None:
    lines = ["GET /api/session HTTP/1.1", *(f"Host: {host}" for host in hosts), "Connection: close"]
    with socket.create_connection(("127.0.0.1", one.port), DEADLINE) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = connection.makefile("rb").read()
    assert answer.split()[1] in (b"400", b"421")
    assert b"signed_in" not in answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"X-Cotyledon": "0"},
        {"X-Cotyledon": ""},
    ],
)
def test_a_page_of_others_does_nothing(one: Browser, headers: dict[str, str]) -> None:
    browser = Browser(one.port)
    browser.sign_in()
    body = {"service": "web", "workers": 5}
    assert browser.post("/api/actions/scale", body, headers).code == FOREIGN
    assert browser.post("/api/sign-out", {}, headers).code == FOREIGN
    assert browser.get("/api/status").value["services"][0]["wanted"] == 1


def test_our_own_page_may(one: Browser) -> None:
    browser = Browser(one.port)
    browser.sign_in()
    headers = {"Origin": f"http://127.0.0.1:{one.port}", "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/api/actions/log-level", {}, headers).status == 200


def test_a_proxy_may_have_a_password_of_its_own(one: Browser) -> None:
    """It passes on the browser's header, beside our cookie."""
    browser = Browser(one.port, Authorization="Basic dXNlcjpwYXNzd29yZA==")
    assert browser.sign_in().status == 204
    assert browser.get("/api/session").value["signed_in"] is True
    assert browser.get("/api/status").status == 200
    assert browser.act("log-level").status == 200
    # by the cookie, so from our own page only
    answer = browser.post("/api/actions/log-level", {}, {"X-Cotyledon": ""})
    assert answer.code == FOREIGN


def test_a_program_needs_no_header_but_the_token(one: Browser) -> None:
    headers = {"Content-Type": "application/json", **BEARER}
    assert one.ask("POST", "/api/actions/log-level", b"{}", headers).status == 200
    for method in ("OPTIONS", "PUT", "DELETE"):
        assert one.ask(method, "/api/status", b"{}", BEARER).code == FOREIGN
        assert one.ask(method, "/api/status", b"{}", headers).status == 405


@pytest.mark.parametrize(
    "path", ["/", "/static/index.html", "/static/nothing", "/api/session", "/api/status", "/x"]
)
def test_headers_of_every_answer(one: Browser, path: str) -> None:
    headers = one.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not re.search(r"\d", headers["Server"])
    is_static = path == "/" or path.startswith("/static")
    assert headers["Cache-Control"] == ("no-cache" if is_static else "no-store")
    assert "Access-Control-Allow-Origin" not in headers


def test_the_page_is_served(one: Browser) -> None:
    page = one.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.body.startswith(b"<!DOCTYPE html>")
    assert one.get("/static/index.html").body == page.body
    # as the policy has it
    assert not re.search(rb"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page.body)


# -- what is seen


def test_the_status(running: Dashboard, signed_in: Browser) -> None:
    seen = signed_in.get("/api/status").value
    assert (seen["as_wanted"], seen["may_act"]) == (True, True)
    assert [each["name"] for each in seen["services"]] == ["web", "batch", "dashboard"]
    web = seen["services"][0]
    assert (web["wanted"], web["ready"], web["as_wanted"]) == (2, 2, True)
    assert web["memory"] == sum(each["memory"] for each in web["workers"]) > 2**21
    assert [each["pid"] for each in web["workers"]] == [
        running.pids()["web", 0],
        running.pids()["web", 1],
    ]
    assert seen["manager"]["memory"] > 2**20

    def measured() -> bool:
        seen = signed_in.get("/api/status").value
        return all(each["cpu"] is not None for each in (seen["manager"], *seen["services"]))

    running.application.until(measured, "how much of the processor is used")


def test_the_history_goes_on_without_browsers(running: Dashboard, signed_in: Browser) -> None:
    def long_enough() -> Any:
        history = signed_in.get("/api/history").value
        return history if len(history["manager"]) > 3 else None

    history = running.application.until(long_enough, "a history")
    assert history["interval"] == 0.2
    assert history["services"].keys() == {"web", "batch", "dashboard"}
    at, cpu, memory, ready, wanted, restarts = history["services"]["web"][-1]
    assert (ready, wanted, restarts) == (2, 2, 0)
    assert memory > 2**20
    assert cpu is not None
    times = [sample[0] for sample in history["manager"]]
    assert times == sorted(times)
    assert at in times


def test_events(running: Dashboard, signed_in: Browser) -> None:
    def told() -> Any:
        entries = signed_in.get("/api/events").value["entries"]
        return entries if any(each["event"] == "manager_ready" for each in entries) else None

    entries = running.application.until(told, "the beginning")
    numbers = [each["number"] for each in entries]
    assert numbers == sorted(numbers)
    of_web = signed_in.get("/api/events?service=web").value["entries"]
    assert of_web == [each for each in entries if each["service"] == "web"] != []
    later = signed_in.get(f"/api/events?after={numbers[-3]}").value["entries"]
    assert later[:2] == entries[-2:]
    assert signed_in.get("/api/events?limit=2&service=web").value["entries"] == of_web[-2:]
    for wrong in ("after=x", "limit=0", "limit=x", "limit=1001", "limit=-1"):
        assert signed_in.get(f"/api/events?{wrong}").code == (400, "bad_request")


def test_a_killed_worker_shows_at_once(launch: Launch) -> None:
    # so seldom that it is not seen by a look of its own accord
    options = {"token": TOKEN, "interval": 3600}
    running = Dashboard(launch, options, {"web": {"restart_policy": "never"}})
    browser = running.browser()
    browser.headers.update(BEARER)
    with browser.stream() as stream:
        assert stream.next("status")["services"][0]["ready"] == 1
        pid = running.pids()["web", 0]
        os.kill(pid, signal.SIGKILL)
        while (entry := stream.next("entry"))["event"] != "worker_exited":
            pass
        assert (entry["service"], entry["pid"]) == ("web", pid)
        while (web := stream.next("status")["services"][0])["ready"]:
            pass
        assert web["workers"][0]["last_exit"]["signal"] == signal.SIGKILL
    running.stop()


def test_streams_are_bounded(one: Browser) -> None:
    request = (
        f"GET /api/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    )
    streams = [socket.create_connection(("127.0.0.1", one.port), DEADLINE) for _ in range(65)]
    statuses = []
    for each in streams:
        each.sendall(request.encode())
        answer = each.recv(4096)
        statuses.append(answer[:12])
    assert statuses == [b"HTTP/1.1 200"] * 64 + [b"HTTP/1.1 503"]
    assert b"\r\nRetry-After: 10\r\n" in answer
    assert one.get("/api/session").value["full"] is True
    for each in streams:
        each.close()


# -- what is done


def test_services_are_steered(running: Dashboard, signed_in: Browser) -> None:
    assert signed_in.act("scale", service="web", workers=3).status == 202
    before = running.wait_for_counts(web=3, batch=1, dashboard=1)
    assert signed_in.act("stop", service="web", worker=1).status == 202
    running.application.wait_for_end_of(before["web", 1])
    assert signed_in.act("stop", service="batch").status == 202
    running.application.wait_for_end_of(before["batch", 0])
    assert signed_in.act("start", service="web", worker=1).status == 202
    assert signed_in.act("start", service="batch").status == 202
    between = running.wait_for_counts(web=3, batch=1, dashboard=1)
    assert {each for each in before if before[each] != between[each]} == {
        ("web", 1),
        ("batch", 0),
    }
    assert signed_in.act("restart", service="web", worker=2).status == 202
    running.application.wait_for_end_of(between["web", 2])
    assert signed_in.act("restart", service="web", rolling=True).status == 202
    for worker in (0, 1):
        running.application.wait_for_end_of(between["web", worker])
    after = running.wait_for_counts(web=3, batch=1, dashboard=1)
    assert after["batch", 0] == between["batch", 0]


def test_a_reload_is_previewed_and_done(running: Dashboard, signed_in: Browser) -> None:
    preview = signed_in.get("/api/preview").value
    assert (preview["added"], preview["changed"], preview["refused"]) == ([], [], [])
    running.sections["service:web"]["workers"] = 1
    running.write(running.sections)
    (changed,) = signed_in.get("/api/preview").value["changed"]
    assert (changed["service"], changed["old_workers"], changed["workers"]) == ("web", 2, 1)
    running.wait_for_counts(web=2, batch=1, dashboard=1)
    assert signed_in.act("reload").status == 202
    running.application.wait_for("manager_reloaded")
    running.wait_for_counts(web=1, batch=1, dashboard=1)


def test_what_is_asked_and_answered(running: Dashboard, signed_in: Browser) -> None:
    stacks = signed_in.act("dump", service="web", worker=0)
    assert stacks.status == 200
    assert "most recent call first" in stacks.value["stacks"]
    level = signed_in.act("log-level", logger="acme", level="DEBUG").value
    assert (level["logger"], level["level"], level["effective"]) == ("acme", "DEBUG", "DEBUG")
    with running.client() as client:
        assert client.log_level("acme").level == "DEBUG"


@pytest.mark.parametrize(
    ("action", "arguments", "code"),
    [
        ("scale", {"service": "nothing", "workers": 1}, (404, "unknown_service")),
        ("stop", {"service": "web", "worker": 99}, (404, "unknown_worker")),
        ("scale", {"service": "web", "workers": -1}, (400, "bad_request")),
        ("scale", {"service": "web"}, (400, "bad_request")),
        ("stop", {"service": "web", "wait": True}, (400, "bad_request")),
        ("log-level", {"level": "LOUD"}, (400, "bad_request")),
        ("nothing", {}, (404, "not_found")),
        ("scale", {"service": "x" * 70_000, "workers": 1}, (413, "too_large")),
    ],
)
def test_refusals(one: Browser, action: str, arguments: dict[str, Any], code: Any) -> None:
    answer = one.post(f"/api/actions/{action}", arguments, BEARER)
    assert answer.code == code
    assert answer.value["error"]["text"]


def test_shutdown_ends_the_manager(launch: Launch) -> None:
    running = Dashboard(launch, {"token": TOKEN})
    browser = running.browser()
    browser.sign_in()
    with browser.stream() as stream:
        stream.next("status")
        assert browser.act("shutdown").status == 202
        stream.read_to_the_end()
    assert running.application.wait() == 0
    running.application.wait_until_gone()


@pytest.mark.parametrize("reads", [True, False])
def test_a_stop_waits_for_no_browser(launch: Launch, reads: bool) -> None:
    options = {"interval": 0.1, "graceful_shutdown_timeout": 1000}
    running = Dashboard(launch, options)
    with running.browser().stream() as stream:
        stream.next("status")
        assert running.application.stop() == 0
        if reads:
            stream.read_to_the_end()
    (end,) = running.application.records("worker_exited", service="dashboard")
    assert (end.status, end.forced) == ({"code": 0, "signal": None}, False)


# -- who has no token


def test_without_a_token_one_may_look(launch: Launch) -> None:
    running = Dashboard(launch, {})
    browser = running.browser()
    session = browser.get("/api/session").value
    assert session == {"token": False, "signed_in": False, "may_act": False, "full": False}
    assert browser.get("/api/status").value["may_act"] is False
    with browser.stream() as stream:
        assert stream.next("status")["may_act"] is False
    no_token = (403, "no_token")
    assert browser.act("scale", service="web", workers=3).code == no_token
    assert browser.act("shutdown").code == no_token
    assert browser.act("dump").code == no_token
    assert browser.get("/api/preview").code == no_token
    assert browser.sign_in().code == no_token
    assert browser.get("/api/status", {"Host": "evil.example"}).code == (421, "foreign_host")
    with running.client() as client:
        assert client.status("web").services[0].wanted == 1
    running.stop()


def test_nobody_is_told_the_token(launch: Launch) -> None:
    debug = {"DEFAULT": {"debug": True}}
    running = Dashboard(launch, {"token": TOKEN}, more=debug)
    browser = running.browser()
    answers = [browser.sign_in().body, browser.sign_in(f"{TOKEN}!").body]
    for path in ("/api/session", *PATHS[:3], "/api/preview"):
        answers.append(browser.get(path).body)
    answers += [
        browser.ask("POST", f"/api/{TOKEN}".replace(" ", "%20"), b"{}", OWN_PAGE).body,
        browser.act("dump", service="dashboard", worker=0).body,
        browser.act("scale", service="nothing", workers=1).body,
        browser.ask("POST", "/api/actions/dump", TOKEN.encode(), browser.headers | OWN_PAGE).body,
    ]
    # what is no HTTP may go back to who sent it, but not into the log
    for broken in (
        f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\0\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\n{TOKEN}\r\n\r\n",
        f"{TOKEN}\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", browser.port), DEADLINE) as connection:
            connection.sendall(broken.encode())
            assert b" 400 " in connection.recv(1000)
    assert TOKEN.encode() not in b"".join(answers)
    running.stop()
    for name in ("stderr", "stdout", "records"):
        assert TOKEN not in running.application.output(name)
