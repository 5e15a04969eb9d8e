"""What the dashboard answers over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from cotyledon_core.control import ControlError, NoManager
from cotyledon_plugins.services.dashboard.access import (
    SESSION_SECONDS,
    Attempts,
    Ended,
    Hosts,
    Token,
    is_same_origin,
)
from cotyledon_plugins.services.dashboard.actions import ACTIONS, Action, BadRequest
from cotyledon_plugins.services.dashboard.connections import Connection
from cotyledon_plugins.services.dashboard.feed import Connect, Feed, Subscription
from cotyledon_plugins.services.dashboard.refusals import CODES, STATUSES, Refusal, refused

STATIC = Path(__file__).parent / "static"
MAX_BODY = 64 * 1024
MAX_STREAMS = 64
FULL_SECONDS = 10
"""After which a browser that is one too many may try again."""
KEEP_ALIVE = 15.0
"""Seconds without a message after which a stream says that it is still there."""
STREAM_SECONDS = 3600.0
"""After which a browser has to ask anew, and to be signed in."""
STREAM_PATIENCE = 20.0
"""Seconds in which a browser has to take what it is sent."""
MAX_EVENTS = 1000

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # not the versions of what it is made with
    "Server": "cotyledon",
}
LOG = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Dashboard:
    """The page, and what it asks for.

    :param feed: what is seen of the manager.
    :param connect: makes a client of the manager.
    :param hosts: which hosts requests may name.
    :param token: what has to be known; None if everybody may look, and nobody do anything.
    :param port: makes the cookie's name one of its own: browsers give cookies to all ports.
    """

    def __init__(
        self, feed: Feed, connect: Connect, hosts: Hosts, token: Token | None, port: int
    ) -> None:
        self._feed = feed
        self._connect = connect
        self._hosts = hosts
        self._token = token
        self._cookie = f"cotyledon-dashboard-{port}"
        self._attempts = Attempts()
        self._ended = Ended()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._answer], client_max_size=MAX_BODY)
        application.on_response_prepare.append(_add_headers)
        application.on_shutdown.append(self._end)
        router = application.router
        router.add_get("/", self._page)
        router.add_static("/static", STATIC)
        router.add_get("/api/session", self._session)
        router.add_post("/api/sign-in", self._sign_in)
        router.add_post("/api/sign-out", self._sign_out)
        router.add_get("/api/status", self._status)
        router.add_get("/api/history", self._history)
        router.add_get("/api/events", self._events)
        router.add_get("/api/stream", self._stream, allow_head=False)
        router.add_get("/api/preview", self._preview)
        for name, action in ACTIONS.items():
            router.add_post(f"/api/actions/{name}", self._action(action))
        return application

    async def _end(self, application: web.Application) -> None:
        self._feed.end()

    # -- who may

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Judge the request, and answer it; whatever is wrong becomes an error's answer."""
        _connection(request).has_asked()
        try:
            self._judge(request)
            return await handler(request)
        except Refusal as refusal:
            answer = refused(refusal.status, refusal.code, refusal.text)
            if refusal.retry_after is not None:
                answer.headers[hdrs.RETRY_AFTER] = str(refusal.retry_after)
            return answer
        except BadRequest as error:
            return refused(400, "bad_request", str(error))
        except ControlError as error:
            return refused(STATUSES.get(error.code, 409), error.code, error.text)
        except (NoManager, TimeoutError) as error:
            return refused(503, "no_manager", str(error) or "the manager does not answer")
        except web.HTTPException as error:
            if error.status < 400:
                raise
            code = CODES.get(error.status, "bad_request")
            return refused(error.status, code, error.reason)
        except ConnectionError:
            raise
        except Exception:
            LOG.exception("cannot answer %s %s", request.method, request.path)
            return refused(500, "failed", "this failed; the log tells more")

    def _judge(self, request: web.Request) -> None:
        """
        :raises Refusal: if it may not be answered.
        """
        hosts = request.headers.getall(hdrs.HOST, [])
        if len(hosts) != 1 or not self._hosts.allow(hosts[0]):
            text = "no such host is answered for here; the option hosts may name more"
            raise Refusal(421, "foreign_host", text)
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            self._judge_origin(request, hosts[0])
        path = request.path
        if path.startswith("/api/") and not _is_ours(request):
            raise Refusal(403, "foreign_origin", "this is for the dashboard's own page")
        open_to_all = path in ("/", "/api/session", "/api/sign-in") or path.startswith("/static/")
        if not open_to_all and not self._may_look(request):
            raise Refusal(401, "sign_in", "sign in with the token")

    def _judge_origin(self, request: web.Request, host: str) -> None:
        headers = request.headers
        origins = headers.getall(hdrs.ORIGIN, [])
        foreign = (
            request.content_type != "application/json"
            or any(not is_same_origin(origin, host) for origin in origins)
            or not _is_ours(request)
            or (self._is_by_cookie(request) and headers.get("X-Cotyledon") != "1")
        )
        if foreign:
            text = (
                "this must come from the dashboard's own page, as application/json and with the "
                "header X-Cotyledon: 1; a reverse proxy has to pass on the header Host"
            )
            raise Refusal(403, "foreign_origin", text)

    def _is_by_cookie(self, request: web.Request) -> bool:
        """Whether the request may do what it does because of the browser's cookie."""
        return (
            self._cookie in request.cookies
            and _bearer(request) is None
            and request.path != "/api/sign-in"
        )

    def _may_look(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        given = _bearer(request)
        if given is not None:
            return self._is_token(self._token, given)
        session = self._session_of(request)
        return session not in self._ended and self._token.has_signed(session, time.time())

    def _session_of(self, request: web.Request) -> str:
        return request.cookies.get(self._cookie, "")

    def _is_token(self, token: Token, given: str) -> bool:
        """
        :raises Refusal: if there were too many wrong ones.
        """
        now = time.monotonic()
        is_right = token.matches(given)
        if is_right and token.is_long:
            return True
        if not self._attempts.may_try(now):
            raise Refusal(429, "too_many", "there were too many wrong tokens; try in a minute")
        if not is_right:
            self._attempts.fail(now)
        return is_right

    def _must_act(self) -> Token:
        """
        :raises Refusal: if nobody may do anything.
        """
        if self._token is None:
            raise Refusal(403, "no_token", "actions need a token: set token or token_file")
        return self._token

    # -- the page, and its session

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _session(self, request: web.Request) -> web.StreamResponse:
        has_token = self._token is not None
        signed_in = has_token and self._may_look(request)
        return web.json_response(
            {
                "token": has_token,
                "signed_in": signed_in,
                "may_act": signed_in and self._feed.may_act,
                "full": self._is_full,
            }
        )

    @property
    def _is_full(self) -> bool:
        """Whether no other browser can follow; one whose stream is refused is not told why."""
        return self._feed.subscribers >= MAX_STREAMS

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        token = self._must_act()
        body = await _body(request)
        given = body.get("token") if isinstance(body, dict) else None
        if not isinstance(given, str):
            raise BadRequest("token: a text is needed")
        if not self._is_token(token, given):
            raise Refusal(401, "wrong_token", "this is not the token")
        expires = int(time.time()) + SESSION_SECONDS
        return self._with_cookie(request, token.sign(expires, secrets.token_hex()))

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        session, now = self._session_of(request), time.time()
        if self._token is not None and self._token.has_signed(session, now):
            self._ended.add(session, now)
        return self._with_cookie(request, "")

    def _with_cookie(self, request: web.Request, value: str) -> web.Response:
        """
        :param value: of the session; empty to have the browser forget it.
        """
        response = web.Response(status=204)
        response.set_cookie(
            self._cookie,
            value,
            max_age=SESSION_SECONDS if value else 0,
            httponly=True,
            samesite="Strict",
            secure=request.headers.get(hdrs.ORIGIN, "").startswith("https:"),
        )
        return response

    # -- what is seen

    async def _status(self, request: web.Request) -> web.StreamResponse:
        seen = await self._feed.looked()
        if seen is None:
            raise NoManager(self._feed.fault)
        return web.json_response(seen)

    async def _history(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"interval": self._feed.interval, **self._feed.history.as_dict()})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        after, limit = _number(query.get("after", "-1")), _number(query.get("limit", "200"))
        if not 0 < limit <= MAX_EVENTS:
            raise BadRequest(f"limit: a number from 1 to {MAX_EVENTS} is needed")
        entries = [
            entry.as_dict()
            for entry in self._feed.entries
            if (entry.number is None or entry.number > after)
            and query.get("service", entry.service) == entry.service
        ]
        return web.json_response({"entries": entries[-limit:]})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._is_full:
            text = f"{MAX_STREAMS} browsers look already"
            raise Refusal(503, "too_many", text, FULL_SECONDS)
        transport = request.transport

        def let_go() -> None:
            # nobody waits for a browser that does not read
            if transport is not None and transport.get_write_buffer_size():
                transport.abort()

        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would hold it back
        with self._feed.subscribe(let_go) as subscription:
            await response.prepare(request)
            _connection(request).stay()
            session = self._session_of(request)
            await _send_all(subscription, response, lambda: session in self._ended)
        _connection(request).has_asked()
        let_go()
        return response

    # -- what is done

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        self._must_act()
        async with self._connect() as client:
            return web.json_response((await client.preview()).as_dict())

    def _action(self, action: Action) -> Handler:
        async def act(request: web.Request) -> web.StreamResponse:
            self._must_act()
            arguments = action.arguments(await _body(request))
            async with self._connect() as client:
                value = await action.ask(client, **arguments)
            if action.answer is None:
                return web.json_response({}, status=202)
            return web.json_response(action.answer(value))

        return act


async def _send_all(
    subscription: Subscription, response: web.StreamResponse, ended: Callable[[], bool]
) -> None:
    """Send until nothing comes any more, the browser does not take it, or has signed out."""
    data = b"retry: 1000\n\n"
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            while not (subscription.over or ended()):
                async with asyncio.timeout(STREAM_PATIENCE):
                    await response.write(data)
                data = b": still here\n\n"
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(KEEP_ALIVE):
                        data = await subscription.next()
    except (ConnectionError, TimeoutError):
        pass


def _connection(request: web.Request) -> Connection:
    assert isinstance(request.protocol, Connection)
    return request.protocol


def _is_ours(request: web.Request) -> bool:
    """Whether the browser, if it is one that tells, sends this for our page or for its user."""
    return request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")


def _bearer(request: web.Request) -> str | None:
    """The token that a program sends; any other authorization is that of a proxy before us."""
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else None


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError, web.RequestPayloadError):
        raise BadRequest("the body must be JSON") from None


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f"{text[:64]!r} is no number") from None


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    is_static = request.path == "/" or request.path.startswith("/static/")
    response.headers[hdrs.CACHE_CONTROL] = "no-cache" if is_static else "no-store"
