"""A table on the screen: any number of rows, of which only those in view are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cotyledon_core.cli.overview import Cells
from cotyledon_core.cli.top import layout
from cotyledon_core.cli.top.layout import Line
from cotyledon_core.cli.top.order import Order
from cotyledon_core.cli.top.rows import Column

HEAD = 1
"""Lines above the rows."""
STALE = Style(dim=True)

MakeCells = Callable[[], Cells]


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
        self._head = layout.head(columns, None)
        self._rows: Sequence[MakeCells] = ()
        self._lines: dict[int, Line] = {}
        self._stale = False

    def show(
        self, rows: Sequence[MakeCells], order: Order | None = None, stale: bool = False
    ) -> None:
        """Show these rows.

        :param rows: are asked for their cells when they come into view.
        :param order: by which they are sorted, if the head is to tell it.
        :param stale: whether they tell of the past.
        """
        before = (self._head, self._stale, len(self._rows), self._column_widths)
        lines, self._lines = self._lines, {}
        self._head, self._stale = layout.head(self._columns, order), stale
        self._rows = rows
        self._make_room()
        if before != (self._head, self._stale, len(self._rows), self._column_widths):
            self.refresh()
            return
        for y, index in self._in_view():
            if self._line(index) != lines.get(index):
                self.refresh(Region(0, y, self.size.width, 1))

    def _make_room(self) -> None:
        """Have what is in view fit. Columns that shrank again would make the others jump."""
        lines = [self._head, *(self._line(index) for _, index in self._in_view())]
        found = layout.widths(self._columns, lines)
        self._column_widths = tuple(map(max, self._column_widths, found))
        width = layout.total(self._column_widths)
        self.virtual_size = Size(width, len(self._rows) + HEAD)

    def _in_view(self) -> Iterator[tuple[int, int]]:
        """Heights, and the indices of the rows that are there."""
        top = self.scroll_offset.y
        for index in range(top, min(top + self.size.height - HEAD, len(self._rows))):
            yield index - top + HEAD, index

    def _line(self, index: int) -> Line:
        if index not in self._lines:
            self._lines[index] = layout.line(self._columns, self._rows[index]())
        return self._lines[index]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows come into view."""
        self._make_room()
        super().watch_scroll_y(old_value, new_value)

    def on_resize(self) -> None:
        """More rows may be in view."""
        self._make_room()

    def render_line(self, y: int) -> Strip:
        """What stands at this height."""
        style = self.rich_style + STALE if self._stale else self.rich_style
        width, index = self.size.width, y - HEAD + self.scroll_offset.y
        if y >= HEAD and index >= len(self._rows):
            return Strip.blank(width, style)
        line = self._head if y < HEAD else self._line(index)
        pieces = layout.padded(self._columns, self._column_widths, line)
        first, *others = (Segment(text, style + Style.parse(name)) for text, name in pieces)
        room, left = max(width - first.cell_length, 0), self.scroll_offset.x
        strips = [Strip([first]), Strip(others).crop(left, left + room)]
        return Strip.join(strips).adjust_cell_length(width, style)

    def on_click(self, event: events.Click) -> None:
        """Choose the order of the column whose title it is."""
        place = event.get_content_offset(self)
        if place is None or place.y >= HEAD:
            return
        first = self._column_widths[0] + layout.GAP
        x = place.x if place.x < first else place.x + self.scroll_offset.x
        column = layout.column_at(self._columns, self._column_widths, x)
        if column is not None and column.order:
            self.post_message(self.HeadClicked(column.order))
