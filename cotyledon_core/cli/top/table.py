"""A table on the screen: any number of rows, of which only those in view are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cotyledon_core.cli.top import layout
from cotyledon_core.cli.top.layout import Line
from cotyledon_core.cli.top.order import Order
from cotyledon_core.cli.top.rows import Column

STALE = Style(dim=True)


class LiveTable(ScrollView, can_focus=True):
    """The head stays when rows scroll up, and the first column when the others go left.

    Lines that are the same after an update are not drawn again.
    """

    class HeadClicked(Message):
        """Someone has chosen an order."""

        def __init__(self, order: str) -> None:
            super().__init__()
            self.order = order

    def __init__(self, columns: Sequence[Column], id: str) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._column_widths = tuple(column.width for column in columns)
        self._lines: list[Line] = [layout.head(columns, None)]
        self._stale = False

    def show(self, lines: Sequence[Line], order: Order | None = None, stale: bool = False) -> None:
        """Show these rows.

        :param order: by which they are sorted, if the head is to tell it.
        :param stale: whether they tell of the past.
        """
        before, self._lines = self._lines, [layout.head(self._columns, order), *lines]
        found = layout.widths(self._columns, self._lines)
        # columns that shrank would make the others jump
        widths = tuple(map(max, self._column_widths, found))
        if (len(before), self._column_widths, self._stale) == (len(self._lines), widths, stale):
            self._draw_changed(before)
            return
        self._column_widths, self._stale = widths, stale
        width = sum(width + layout.GAP for width in widths)
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def _draw_changed(self, before: Sequence[Line]) -> None:
        for y in range(self.size.height):
            index = self._index(y)
            if index < len(before) and before[index] != self._lines[index]:
                self.refresh(Region(0, y, self.size.width, 1))

    def _index(self, y: int) -> int:
        """Which of the lines is at this height."""
        return y + self.scroll_offset.y if y else 0

    def render_line(self, y: int) -> Strip:
        """What stands at this height."""
        style = self.rich_style + STALE if self._stale else self.rich_style
        width, index = self.size.width, self._index(y)
        if index >= len(self._lines):
            return Strip.blank(width, style)
        pieces = layout.padded(self._columns, self._column_widths, self._lines[index])
        first, *others = (Segment(text, style + Style.parse(name)) for text, name in pieces)
        room, left = max(width - first.cell_length, 0), self.scroll_offset.x
        strips = [Strip([first]), Strip(others).crop(left, left + room)]
        return Strip.join(strips).adjust_cell_length(width, style)

    def on_click(self, event: events.Click) -> None:
        """Choose the order of the column whose title it is."""
        place = event.get_content_offset(self)
        if place is None or place.y != 0:
            return
        first = self._column_widths[0] + layout.GAP
        x = place.x if place.x < first else place.x + self.scroll_offset.x
        column = layout.column_at(self._columns, self._column_widths, x)
        if column is not None and column.order:
            self.post_message(self.HeadClicked(column.order))
