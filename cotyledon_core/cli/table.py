"""Tables: with colours on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cotyledon_core.cli.cells import printable

if TYPE_CHECKING:
    from rich.table import Table

PIPE_WIDTH = 100_000
"""Columns: in a pipe nothing is cut."""
STYLES = {
    "running": "green",
    "starting": "yellow",
    "stopping": "yellow",
    "backoff": "yellow",
    "degraded": "bold yellow",
    "fatal": "bold red",
    "stopped": "dim",
    "exited": "dim",
}

Cell = str | tuple[str, str]
"""A text, or one with a style."""


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], right: Sequence[str]) -> Table:
    """A table without lines.

    :param right: the columns that are aligned to the right.
    """
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        pairs = [(cell, "") if isinstance(cell, str) else cell for cell in row]
        made.add_row(*(Text(printable(text), style) for text, style in pairs))
    return made


def show(*parts: Table | str) -> None:
    """Write tables, and lines between them, to standard output."""
    from rich.console import Console

    console = Console(markup=False, emoji=False, highlight=False)
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    console.width = PIPE_WIDTH
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
