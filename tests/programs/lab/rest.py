"""Requests to a program's REST interface."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import Any


class Rest:
    """A client of one server; sends the headers with each request."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
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

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(
            self._base + path, data=body, headers=self._headers, method=method
        )
        with self._opener.open(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None


def basic(user: str) -> dict[str, str]:
    """The header of a user without a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}
