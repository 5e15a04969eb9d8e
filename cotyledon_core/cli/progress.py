"""How far a command is that is waited for, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli.cells import printable

if TYPE_CHECKING:
    from cotyledon_core.control.results import Progress


@contextmanager
def shown(wait: bool) -> Iterator[Callable[[Progress], None] | None]:
    """What to tell of it: a bar for each service in a terminal, else a line for each change.

    :param wait: whether there is anything to show.
    """
    if not wait or sys.stderr is None:
        yield None
    elif sys.stderr.isatty() and find_spec("rich"):
        with _bars() as bars:
            yield _Bars(bars)
    else:
        yield _line


def _line(told: Progress) -> None:
    text = f"{printable(told.service)}: {told.ready} of {told.wanted} ready"
    print(text, file=sys.stderr, flush=True)


def _bars() -> Any:
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=Console(stderr=True),
    )


class _Bars:
    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def __call__(self, told: Progress) -> None:
        task = self._tasks.get(told.service)
        if task is None:
            task = self._tasks[told.service] = self._bars.add_task(printable(told.service))
        self._bars.update(task, completed=told.ready, total=told.wanted)
