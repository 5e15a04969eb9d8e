"""A manager with a dashboard, and browsers that look at it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.functional.configured import sections
from tests.functional.controlled import Controlled
from tests.functional.harness import DEADLINE, Launch

TOKEN = "open sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OWN_PAGE = {"Content-Type": "application/json", "X-Cotyledon": "1"}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> tuple[int, str]:
        """The status, and the error's code."""
        return self.status, self.value["error"]["code"]


class Dashboard(Controlled):
    """``cotyledon run`` with a dashboard, and whatever else it is to run.

    :param options: of the dashboard.
    :param services: the others; a service ``web`` unless given.
    """

    def __init__(
        self,
        launch: Launch,
        options: Mapping[str, Any],
        services: Mapping[str, Mapping[str, Any]] | None = None,
        more: Mapping[str, Mapping[str, Any]] | None = None,
        **rest: Any,
    ) -> None:
        own = {"service_type": "dashboard", "address": "127.0.0.1:0", "interval": 0.2, **options}
        self.sections = sections(**(services or {"web": {}}), dashboard=own)
        self.sections.update({name: dict(each) for name, each in (more or {}).items()})
        super().__init__(launch, self.sections, **rest)

    def port(self, worker: int = 0) -> int:
        """Where it listens."""

        def found() -> int | None:
            with self.client() as client:
                (service,) = client.status("dashboard", worker).services
            address = service.workers[0].status_text.partition("at ")[2].partition(",")[0]
            return urlsplit(address).port

        return self.application.until(found, "the address of the dashboard")

    def browser(self) -> Browser:
        return Browser(self.port())


class Browser:
    """Asks a dashboard."""

    def __init__(self, port: int, **headers: str) -> None:
        self.port = port
        self.headers = headers

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, headers={**self.headers, **(headers or {})})

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """As the page itself does it, but for the headers."""
        given = {**OWN_PAGE, **self.headers, **(headers or {})}
        return self.ask("POST", path, json.dumps(body or {}).encode(), given)

    def act(self, action: str, **arguments: Any) -> Answer:
        return self.post(f"/api/actions/{action}", arguments)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def sign_in(self, token: str = TOKEN) -> Answer:
        """Try it; with the right token, this browser has the cookie from then on."""
        answer = self.post("/api/sign-in", {"token": token})
        if answer.status == 204:
            self.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
        return answer

    @contextmanager
    def stream(self) -> Iterator[Stream]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("GET", "/api/stream", headers=self.headers)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            yield Stream(answer)
        finally:
            connection.close()


class Stream:
    """Server-sent events, as they come."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer

    def next(self, kind: str) -> Any:
        """The data of the next event of this kind; others are passed over."""
        found = ""
        while line := self._answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                found = value
            elif name == "data" and found == kind:
                return json.loads(value)
        raise AssertionError(f"the stream has ended; waited for {kind}")

    def read_to_the_end(self) -> None:
        try:
            while self._answer.readline():
                pass
        except (http.client.HTTPException, ConnectionError):
            pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
