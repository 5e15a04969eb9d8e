"""The screen of ``cotyledon top``."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from cotyledon_core.cli import overview
from cotyledon_core.cli.asking import Target
from cotyledon_core.cli.cells import percent, printable, size
from cotyledon_core.cli.top.order import Order
from cotyledon_core.cli.top.rows import (
    SERVICE_COLUMNS,
    WORKER_COLUMNS,
    cpu_bars,
    memory_bars,
    rows,
    services,
)
from cotyledon_core.cli.top.samples import History, Place, Samples
from cotyledon_core.cli.top.table import LiveTable
from cotyledon_core.control.async_client import AsyncClient
from cotyledon_core.control.errors import NoManager
from cotyledon_core.control.results import Status
from cotyledon_core.exceptions import CotyledonError

KEYS = (
    ("n", "sort('name')", "sort by name"),
    ("s", "sort('state')", "sort by state"),
    ("c", "sort('cpu')", "sort by CPU"),
    ("m", "sort('memory')", "sort by memory"),
    ("r", "sort('restarts')", "sort by restarts"),
    ("u", "sort('uptime')", "sort by uptime"),
    ("i", "invert", "invert the order; so does the same key again"),
    ("p", "pause", "pause and go on"),
    ("q", "quit", "leave; so does Ctrl-C"),
    ("?", "keys", "show and hide this help"),
)
HELP = """\
Arrows, Page Up, Page Down, Home, End and the wheel scroll; Tab changes
between services and workers. A click on a title sorts, another inverts.

A bar is a look, the newest at the right. The highest stands for the
most that is shown, of CPU for 10% at least.\
"""
LEGEND = "q leave   ? keys   p pause   i invert   sort: n name  s state  c CPU  m memory  "
LEGEND += "r restarts  u uptime"
NAMES = {"?": "question_mark"}
"""Of keys, where textual has another."""

Look = Callable[[], Awaitable[Status]]


class Keys(ModalScreen[None]):
    """What the keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", show=False),
        Binding("ctrl+c", "app.quit", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """What is on the screen."""
        lines = [f" {key}  {text}" for key, _, text in KEYS]
        yield Static(Text("\n".join([*lines, "", HELP])))


class Top(App[None]):
    """Looks again and again, and shows what is found.

    :param look: asks the manager.
    :param interval: seconds from one look to the next.
    """

    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    #manager { height: auto; margin-bottom: 1; }
    #services { height: auto; max-height: 30%; margin-bottom: 1; }
    #workers { height: 1fr; }
    LiveTable {
        scrollbar-color: ansi_bright_black; scrollbar-background: ansi_default;
        scrollbar-color-hover: ansi_white; scrollbar-background-hover: ansi_default;
        scrollbar-color-active: ansi_white; scrollbar-background-active: ansi_default;
        scrollbar-corner-color: ansi_default; scrollbar-size: 1 1;
    }
    #legend { height: 1; text-style: dim; }
    Keys { align: center middle; background: ansi_default; }
    Keys Static { width: auto; height: auto; border: round ansi_default; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(NAMES.get(key, key), action, text) for key, action, text in KEYS),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
    ]
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False

    def __init__(self, look: Look, interval: float) -> None:
        # the terminal's own colours, and none at all with NO_COLOR
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self._look = look
        self._interval = interval
        self._history = History()
        self._found: tuple[Status, Mapping[Place, Samples]] | None = None
        self._problem = ""
        self._order = Order()
        self._going_on = asyncio.Event()
        self._going_on.set()
        self._manager_line = Static(id="manager")
        self._service_table = LiveTable(SERVICE_COLUMNS, id="services")
        self._worker_table = LiveTable(WORKER_COLUMNS, id="workers")

    def compose(self) -> ComposeResult:
        """What is on the screen."""
        yield self._manager_line
        yield self._service_table
        yield self._worker_table
        yield Static(Text(LEGEND, no_wrap=True, overflow="ellipsis"), id="legend")

    def on_mount(self) -> None:
        """Begin."""
        self._worker_table.focus()
        self.run_worker(self._watch())

    async def _watch(self) -> None:
        while True:
            await self._going_on.wait()
            started = time.monotonic()
            await self._ask(started)
            await asyncio.sleep(max(self._interval - (time.monotonic() - started), 0.0))

    async def _ask(self, at: float) -> None:
        problem = ""
        try:
            status = await self._look()
        except (CotyledonError, TimeoutError) as error:
            problem = f"{_trouble(error)}; trying again"
        if not self._going_on.is_set():
            return
        self._problem = problem
        if not problem:
            self._found = status, self._history.add(status, at)
        self._show()

    # -- what is shown

    def _show(self) -> None:
        self._manager_line.update(self._told())
        if self._found is None:
            return
        status, samples = self._found
        workers = rows(status, samples)
        stale = bool(self._problem)
        self._service_table.show(services(status, workers), stale=stale)
        in_order = self._order.apply(workers)
        self._worker_table.show([row.cells for row in in_order], self._order, stale)

    def _told(self) -> Text:
        text = Text("\n".join(_manager(*self._found) if self._found else ()))
        for told, style in ((self._problem, "bold red"), (self._paused, "bold yellow")):
            if told:
                text.append("\n" if text else "")
                text.append(printable(told), style)
        return text

    @property
    def _paused(self) -> str:
        return "" if self._going_on.is_set() else "paused; p goes on"

    # -- what keys and clicks do

    def action_sort(self, by: str) -> None:
        """Sort by this, or invert if it is so already."""
        self._sort(self._order.chosen(by))

    def on_live_table_head_clicked(self, message: LiveTable.HeadClicked) -> None:
        """The same."""
        self.action_sort(message.order)

    def action_invert(self) -> None:
        """Turn the order round."""
        self._sort(self._order.invert())

    def _sort(self, order: Order) -> None:
        self._order = order
        self._show()
        self._worker_table.scroll_home()

    def action_pause(self) -> None:
        """Look no more, or again."""
        if self._going_on.is_set():
            self._going_on.clear()
        else:
            self._going_on.set()
        self._show()

    def action_keys(self) -> None:
        """Tell what the keys do."""
        self.push_screen(Keys())


def _manager(status: Status, samples: Mapping[Place, Samples]) -> list[str]:
    own = samples[None]
    parts = (
        overview.manager(status.manager),
        f"CPU {percent(own.cpu[-1])} {cpu_bars(own).strip()}".rstrip(),
        f"memory {size(own.memory[-1])} {memory_bars(own).strip()}".rstrip(),
    )
    return [", ".join(parts), *overview.reloads(status.manager)]


def _trouble(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the manager does not answer in time"
    return f"no manager answers: {error}" if isinstance(error, NoManager) else str(error)


async def run(path: str, target: Target, interval: float) -> int:
    """Show until it is left.

    :returns: the exit status.
    """
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # to be empty means to be unset, but not to textual
    async with AsyncClient(path) as client:
        app = Top(lambda: client.status(*target, resources=True), interval)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, app.exit)
        await app.run_async()
    return app.return_code or 0
