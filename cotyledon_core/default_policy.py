"""The restart policy that applies where none is named: always, with back-off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from cotyledon_core.plugins.restart_policy import Death, Decision, Restart, RestartPolicy
from cotyledon_core.supervision.restart import Backoff


class DefaultPolicy(RestartPolicy):
    """Starts a worker again whatever ended it, after what :class:`Backoff` says.

    :param options: the fields of :class:`Backoff`.
    :raises ValueError: for an impossible value.
    """

    @classmethod
    def options(cls) -> Sequence[Any]:
        from oslo_config import cfg

        return [
            cfg.FloatOpt(
                field.name,
                default=field.default,
                min=field.metadata["min"],
                help=field.metadata["help"],
            )
            for field in fields(Backoff)
        ]

    @classmethod
    def check_options(cls, **options: float) -> None:
        """
        :raises ValueError: for an impossible value.
        """
        Backoff(**options)

    def __init__(self, **options: float) -> None:
        self._backoff = Backoff(**options)

    def decide(self, death: Death) -> Decision:
        return Restart(self._backoff.delay(death, _random))


def _random() -> float:
    """Imported when needed: each process forked after that would seed it anew."""
    from random import random

    return random()
