"""The screen of ``cotyledon top``, with a manager that is not there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cotyledon_core.control.errors import ControlError, NoManager
from cotyledon_core.control.results import Status

from top_support import service, status, worker  # isort: skip  # beside this file

pytest.importorskip("textual")
from rich.console import Console
from textual.pilot import Pilot

from cotyledon_core.cli.top import app as top
from cotyledon_core.cli.top.app import Top
from cotyledon_core.cli.top.table import LiveTable

PATIENCE = 30.0
"""Seconds; only a failing test waits so long."""

Test = Callable[["Screen"], Awaitable[None]]


class Screen:
    """The application, what it is answered, and what can be seen."""

    def __init__(self, pilot: Pilot[None], manager: Manager) -> None:
        self.pilot = pilot
        self.app = pilot.app
        self.manager = manager

    @property
    def lines(self) -> list[str]:
        """The text on the screen."""
        width, height = self.app.size
        console = Console(width=width, height=height, force_terminal=True, no_color=True)
        with console.capture() as captured:
            console.print(self.app.screen._compositor)
        plain = "".join(piece.partition("m")[2] for piece in f"m{captured.get()}".split("\x1b["))
        return [line.rstrip() for line in plain.splitlines()]

    async def press(self, *keys: str) -> list[str]:
        """Press keys; what there is to see then."""
        await self.pilot.press(*keys)
        await self.pilot.pause()
        return self.lines

    async def answer(self, answer: Status | Exception) -> list[str]:
        """Have the next look find this; what there is to see then."""
        await self.manager.answer(answer)
        await self.pilot.pause()
        return self.lines

    def workers(self) -> list[str]:
        """The names of the workers, from the top."""
        lines = self.lines
        (head,) = [index for index, line in enumerate(lines) if line.startswith("WORKER")]
        return [line.split()[0] for line in lines[head + 1 : -1] if ":" in line]

    def is_dim(self) -> bool:
        """Whether all that is told of services and workers is."""
        rows = [table.render_line(1) for table in self.app.query(LiveTable)]
        return all(segment.style and segment.style.dim for row in rows for segment in row)


class Manager:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self._answers: asyncio.Queue[Status | Exception] = asyncio.Queue()
        self._is_waited_for = asyncio.Event()

    async def look(self) -> Status:
        self.asked += 1
        self._is_waited_for.set()
        answer = await self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def answer(self, answer: Status | Exception) -> None:
        """Answer, and wait until the next question, when the answer has been taken in."""
        async with asyncio.timeout(PATIENCE):
            await self._is_waited_for.wait()
            self.give(answer)
            await self._is_waited_for.wait()

    def give(self, answer: Status | Exception) -> None:
        """Answer what is being asked."""
        self._is_waited_for.clear()
        self._answers.put_nowait(answer)


def show(test: Test, answer: Status | Exception, size: tuple[int, int] = (140, 30)) -> None:
    """Have the application show this, and look at it."""

    async def run() -> None:
        manager = Manager()
        async with Top(manager.look, 0.0).run_test(size=size) as pilot:
            screen = Screen(pilot, manager)
            await screen.answer(answer)
            await test(screen)

    asyncio.run(run())


def shop(**fields: Any) -> Status:
    return status(
        service(
            "web",
            worker(0, restarts=1, resident_bytes=3 << 20),
            worker(1, restarts=3, resident_bytes=2 << 20, uptime=99.0),
        ),
        service(
            "mail",
            worker(0, pid=None, uptime=None, state="backoff", restart_in=9.0, resident_bytes=None),
            ready=0,
            state="backoff",
        ),
        **fields,
    )


def test_what_is_there_is_shown() -> None:
    async def look(screen: Screen) -> None:
        lines = screen.lines
        assert lines[0].startswith("shop: ready, pid 1, up 1m, CPU -, memory 1.0K █")
        assert lines[1].endswith("ago: refused: no such service")
        (web,) = [line.split() for line in lines if line.startswith("web ")]
        assert web[:6] == ["web", "running", "2", "2", "0", "0"]
        assert web[-1] == "5.0M"
        (one,) = [line.split() for line in lines if line.startswith("web:1")]
        assert one[:3] == ["web:1", "running", "1001"]
        assert {"2.0M", "1m", "39s", "3"} < set(one)
        (mail,) = [line for line in lines if line.startswith("mail:0")]
        assert "backoff" in mail
        assert "in 9.0s" in mail
        lines = await screen.answer(shop(cpu_seconds=1.0))
        assert "% ▁" in lines[0] or "% █" in lines[0]

    last = {"at": 1.0, "result": "refused", "text": "no such service", "duration": 0.1}
    show(look, shop(last_reload=last))


def test_keys_sort() -> None:
    async def look(screen: Screen) -> None:
        assert screen.workers() == ["mail:0", "web:0", "web:1"]
        await screen.press("r")
        assert screen.workers() == ["web:1", "web:0", "mail:0"]
        await screen.press("r")
        assert screen.workers() == ["mail:0", "web:0", "web:1"]
        await screen.press("m")
        assert screen.workers() == ["web:0", "web:1", "mail:0"]
        await screen.press("i")
        assert screen.workers() == ["web:1", "web:0", "mail:0"]
        await screen.press("u")
        assert screen.workers() == ["web:1", "web:0", "mail:0"]
        lines = await screen.press("s")
        assert screen.workers() == ["mail:0", "web:0", "web:1"]
        assert any("STATE ▲" in line for line in lines)
        await screen.press("n", "n")
        assert screen.workers() == ["web:1", "web:0", "mail:0"]

    show(look, shop())


def test_it_stays_sorted_by_what_comes() -> None:
    async def look(screen: Screen) -> None:
        await screen.press("m")
        assert screen.workers() == ["web:0", "web:1"]
        await screen.answer(status(service("web", worker(0), worker(1, resident_bytes=2048))))
        assert screen.workers() == ["web:1", "web:0"]

    show(look, status(service("web", worker(0, resident_bytes=2048), worker(1))))


def test_a_click_on_a_title_sorts() -> None:
    async def click(screen: Screen, title: str) -> None:
        (head,) = [line for line in screen.lines if line.startswith("WORKER")]
        await screen.pilot.click("#workers", offset=(head.index(title) + 1, 0))
        await screen.pilot.pause()

    async def look(screen: Screen) -> None:
        await click(screen, "RESTARTS")
        assert screen.workers() == ["web:1", "web:0", "mail:0"]
        await click(screen, "▼ RESTARTS")
        assert screen.workers() == ["mail:0", "web:0", "web:1"]
        await click(screen, "WORKER")
        assert screen.workers() == ["mail:0", "web:0", "web:1"]
        await click(screen, "PID")
        assert screen.workers() == ["mail:0", "web:0", "web:1"], "has no order"
        await screen.pilot.click("#workers", offset=(1, 1))
        await screen.pilot.pause()
        assert screen.workers() == ["mail:0", "web:0", "web:1"], "is no title"

    show(look, shop())


def test_a_click_finds_the_title_that_was_scrolled() -> None:
    async def look(screen: Screen) -> None:
        screen.app.query_one("#workers").scroll_to(x=40, animate=False)
        await screen.pilot.pause()
        (head,) = [line for line in screen.lines if line.startswith("WORKER")]
        assert "CPU" not in head
        await screen.pilot.click("#workers", offset=(head.index("RESTARTS"), 0))
        await screen.pilot.pause()
        assert screen.workers() == ["web:1", "web:0", "mail:0"]

    show(look, shop(), size=(60, 30))


def test_a_pause() -> None:
    async def look(screen: Screen) -> None:
        lines = await screen.press("p")
        assert any(line.startswith("paused") for line in lines)
        asked = screen.manager.asked
        screen.manager.give(status(service("late", worker(0))))
        await screen.press("r")
        assert screen.workers() == ["web:1", "web:0", "mail:0"]
        assert screen.manager.asked == asked
        lines = await screen.press("p")
        assert not any(line.startswith("paused") for line in lines)
        assert screen.workers() == ["web:1", "web:0", "mail:0"]
        await screen.answer(status(service("new", worker(0))))
        assert screen.workers() == ["new:0"]

    show(look, shop())


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
@pytest.mark.parametrize("before", [(), ("question_mark",)])
def test_leaving(key: str, before: tuple[str, ...]) -> None:
    async def look(screen: Screen) -> None:
        await screen.press(*before)
        await screen.pilot.press(key)
        if before and key == "q":
            await screen.pilot.pause()
            assert screen.workers(), "only the help was left"
            await screen.pilot.press(key)
        await screen.pilot.pause()
        assert screen.app._exit
        assert not screen.app.return_code

    show(look, shop())


@pytest.mark.parametrize("leave", ["question_mark", "escape", "q"])
def test_help_tells_every_key_while_all_goes_on(leave: str) -> None:
    async def look(screen: Screen) -> None:
        lines = await screen.press("question_mark")
        for key, _, text in top.KEYS:
            assert any(f" {key}  {text}" in line for line in lines)
        assert not any(line.startswith("WORKER") for line in lines)
        assert await screen.answer(status(service("other", worker(0)))) == lines
        await screen.press(leave)
        assert screen.workers() == ["other:0"]

    show(look, shop(), size=(80, 30))


def test_help_fits_an_ordinary_terminal() -> None:
    async def look(screen: Screen) -> None:
        lines = await screen.press("question_mark")
        assert any(line.strip().startswith("╭") for line in lines)
        assert any(line.strip().startswith("╰") and line.endswith("╯") for line in lines)

    show(look, shop(), size=(80, 24))


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (NoManager("/s: Connection refused"), "no manager answers: /s: Connection refused; trying"),
        (TimeoutError(), "the manager does not answer in time; trying"),
        (
            ControlError("unknown_service", "there is no service 'web'"),
            "there is no service 'web';",
        ),
    ],
)
def test_a_manager_that_goes_away_and_comes_back(error: Exception, wanted: str) -> None:
    async def look(screen: Screen) -> None:
        assert not screen.is_dim()
        lines = await screen.answer(error)
        assert screen.is_dim()
        assert lines[0].startswith("shop: ")
        assert lines[1].startswith(wanted)
        assert screen.workers() == ["mail:0", "web:0", "web:1"]
        lines = await screen.answer(status(service("other", worker(0)), name="again"))
        assert lines[0].startswith("again: ")
        assert screen.workers() == ["other:0"]
        assert not any("trying again" in line for line in lines)
        assert not screen.is_dim()

    show(look, shop())


def test_a_manager_that_is_not_there_at_first() -> None:
    async def look(screen: Screen) -> None:
        assert screen.lines[0].startswith("no manager answers: /s")
        await screen.press("r", "i", "p", "p", "n")
        lines = await screen.answer(shop())
        assert lines[0].startswith("shop: ")

    show(look, NoManager("/s: No such file or directory"))


NASTY = "[red]x[/red][/] \x1b[2J\x07\r\n\t[link=a]{b}"
PLAIN = "[red]x[/red][/] \N{REPLACEMENT CHARACTER}[2J" + "\N{REPLACEMENT CHARACTER}" * 4


def test_texts_are_neither_markup_nor_control() -> None:
    async def look(screen: Screen) -> None:
        lines = screen.lines
        assert len([line for line in lines if PLAIN in line]) == 4
        assert "[link=a]{b}" in lines[0]
        lines = await screen.answer(NoManager(NASTY))
        assert f"answers: {PLAIN}" in lines[1]

    found = status(
        service("a", worker(0, status_text=NASTY), given_up=NASTY), service(NASTY), name=NASTY
    )
    show(look, found, size=(200, 30))


# -- many workers


def many(count: int, **fields: Any) -> Status:
    return status(service("web", *(worker(number, **fields) for number in range(count))))


def test_only_what_is_in_view_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    cells = top.overview.worker

    def count(service: str, status: Any, *measured: Any) -> Any:
        made.append(status.worker)
        return cells(service, status, *measured)

    monkeypatch.setattr("cotyledon_core.cli.overview.worker", count)

    async def look(screen: Screen) -> None:
        assert 0 < len(made) < 100
        await screen.press("end")
        assert screen.workers()[-1] == "web:999"
        assert len(made) < 200
        await screen.press("pageup", "n")
        assert screen.workers()[0] == "web:999", "another order is shown from its top"
        assert len(made) < 500

    show(look, many(1000))


def test_only_lines_that_changed_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(screen: Screen) -> None:
        table = screen.app.query_one("#workers", LiveTable)
        drawn: list[int] = []
        render = table.render_line

        def count(y: int) -> Any:
            drawn.append(y)
            return render(y)

        monkeypatch.setattr(table, "render_line", count)
        cells = [{**row()} for row in table._rows]
        table.show([lambda each=each: each for each in cells], screen.app._order)
        await screen.pilot.pause()
        assert drawn == [], "nothing has changed"
        cells = [{**each} for each in cells]
        cells[2]["STATUS"] = "new"
        table.show([lambda each=each: each for each in cells], screen.app._order)
        await screen.pilot.pause()
        assert drawn == [3]
        assert any(line.endswith(" new") for line in screen.lines)

    show(look, many(100, status_text="old"), size=(150, 30))


def test_another_size() -> None:
    async def look(screen: Screen) -> None:
        few = screen.workers()
        await screen.pilot.resize_terminal(100, 50)
        await screen.pilot.pause()
        assert screen.workers()[: len(few)] == few
        assert len(screen.workers()) == len(few) + 30
        await screen.pilot.resize_terminal(20, 5)
        await screen.pilot.pause()
        await screen.pilot.resize_terminal(100, 20)
        await screen.pilot.pause()
        assert screen.workers() == few

    show(look, many(100), size=(100, 20))


def test_workers_that_go_away_leave_no_line() -> None:
    async def look(screen: Screen) -> None:
        await screen.press("end")
        await screen.answer(many(2))
        assert screen.workers() == ["web:0", "web:1"]

    show(look, many(100))
