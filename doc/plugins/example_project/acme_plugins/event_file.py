"""The notifier ``event-file``: appends each event to a file, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cotyledon_core import Event, Notifier


class EventFile(Notifier):
    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [cfg.StrOpt("path", required=True, help="The file to append to.")]

    def __init__(self, path: str) -> None:
        self._path = path

    def notify(self, event: Event) -> None:
        with open(self._path, "a", encoding="utf-8") as file:
            print(json.dumps(event.as_dict()), file=file)
