"""Requests to a program's REST interface."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any


class Rest:
    """A client of one server; sends the headers with each request."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._headers = {"Content-Type": "application/json", **headers}
        # Whatever proxy there is stands between other hosts.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> Any:
        """What a resource is."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """Make something."""
        return self._ask("POST", path, json.dumps(body).encode())

    def post_text(self, path: str, text: str) -> Any:
        """Make something of a text."""
        return self._ask("POST", path, text.encode(), {"Content-Type": "text/plain"})

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] = {}
    ) -> Any:
        request = urllib.request.Request(
            self._base + path, data=body, headers={**self._headers, **headers}, method=method
        )
        try:
            with self._opener.open(request, timeout=30) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")[:500]
            raise OSError(f"{method} {path}: {error}: {told}") from error
        return json.loads(text) if text else None


def basic(user: str) -> dict[str, str]:
    """The header of a user without a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}
