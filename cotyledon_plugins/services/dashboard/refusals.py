"""Answers that refuse."""

from __future__ import annotations

from aiohttp import web

STATUSES = {
    "bad_request": 400,
    "not_allowed": 403,
    "unknown_command": 404,
    "unknown_service": 404,
    "unknown_worker": 404,
}
"""Of the manager's refusals; all others are 409."""

CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
"""Of refusals that are HTTP's."""


class Refusal(Exception):
    """A request is answered with an error."""

    def __init__(self, status: int, code: str, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        """Seconds."""
        self.status = status
        self.code = code
        self.text = text


def refused(status: int, code: str, text: str) -> web.Response:
    return web.json_response({"error": {"code": code, "text": text}}, status=status)
