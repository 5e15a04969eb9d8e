"""What the tests of the service ``periodic`` name."""

from __future__ import annotations

from typing import Any

from futurist import periodics


def plain() -> None: ...


def wanting(something: Any) -> None: ...


def divided(worker_id: int, workers: int) -> None: ...


async def coroutine() -> None: ...


@periodics.periodic(60, run_immediately=True)
def marked() -> None: ...


@periodics.periodic(60, enabled=False)
def disabled() -> None: ...


@periodics.periodic(60)
async def marked_coroutine() -> None: ...


class Several:
    """Its constructor takes nothing."""

    @periodics.periodic(5)
    def method(self) -> None: ...

    @staticmethod
    @periodics.periodic(6)
    def static() -> None: ...

    @classmethod
    @periodics.periodic(7)
    def of_class(cls) -> None: ...

    def unmarked(self) -> None: ...


class Wanting:
    """Its constructor takes something."""

    def __init__(self, something: Any) -> None: ...

    @periodics.periodic(5)
    def method(self) -> None: ...


class Nothing:
    """Has nothing periodic."""


several = Several()
nothing = Nothing()
number = 5
