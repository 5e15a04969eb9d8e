"""Cells as lines of text: widths, alignment, and which column is where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from cotyledon_core.cli.cells import printable
from cotyledon_core.cli.overview import Cells
from cotyledon_core.cli.top.order import Order
from cotyledon_core.cli.top.rows import Column

GAP = 2
"""Characters between columns."""
RISING, FALLING = "▲", "▼"

Piece = tuple[str, str]
"""A text and its style."""
Line = tuple[Piece, ...]
"""A piece for each column; texts are as they come, nothing in them is markup."""


def line(columns: Sequence[Column], cells: Cells) -> Line:
    """What stands in these columns."""
    pieces = []
    for column in columns:
        cell = cells[column.title]
        text, style = (cell, "") if isinstance(cell, str) else cell
        pieces.append((printable(text), style))
    return tuple(pieces)


def head(columns: Sequence[Column], order: Order | None) -> Line:
    """The titles; the one that the rows are sorted by has an arrow."""
    pieces = []
    for column in columns:
        title = column.title if column.head is None else column.head
        if title and order is not None and column.order == order.by:
            arrow = FALLING if order.falling else RISING
            title = f"{arrow} {title}" if column.right else f"{title} {arrow}"
        pieces.append((title, "bold"))
    return tuple(pieces)


def widths(columns: Sequence[Column], lines: Iterable[Line]) -> tuple[int, ...]:
    """How wide each column has to be."""
    found = [column.width for column in columns]
    for each in lines:
        for index, (text, _) in enumerate(each):
            length = cell_len(text)
            if length > found[index]:
                found[index] = length
    return tuple(found)


def total(widths: Sequence[int]) -> int:
    """How long a line is."""
    return sum(widths) + GAP * (len(widths) - 1)


def padded(columns: Sequence[Column], widths: Sequence[int], line: Line) -> Line:
    """The pieces in the widths of their columns, gaps included."""
    pieces = []
    last = len(columns) - 1
    for index, (column, width, (text, style)) in enumerate(zip(columns, widths, line, strict=True)):
        missing = " " * (width - cell_len(text))
        gap = " " * GAP if index < last else ""
        pieces.append((f"{missing}{text}{gap}" if column.right else f"{text}{missing}{gap}", style))
    return tuple(pieces)


def column_at(columns: Sequence[Column], widths: Sequence[int], x: int) -> Column | None:
    """The column that has this character of a line."""
    for column, width in zip(columns, widths, strict=True):
        if x < width + GAP:
            return column
        x -= width + GAP
    return None
