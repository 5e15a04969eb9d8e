"""What ``cotyledon top`` decides: samples, bars, rows, their order and their place."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotyledon_core.cli.top.order import GREATEST_FIRST, ORDERS, Order
from cotyledon_core.cli.top.rows import (
    SERVICE_COLUMNS,
    WORKER_COLUMNS,
    Column,
    Row,
    cpu_bars,
    memory_bars,
    rows,
    services,
)
from cotyledon_core.cli.top.samples import KEPT, History, Samples
from cotyledon_core.cli.top.sparkline import BARS, sparkline
from cotyledon_core.control.results import WorkerStatus

from top_support import service, status, worker  # isort: skip  # beside this file

pytest.importorskip("rich")
from cotyledon_core.cli.top import layout

# -- bars

measured = st.one_of(st.none(), st.floats(0, 1e15))


@given(st.lists(measured), st.floats(0, 1e15), st.integers(1, 40))
def test_bars_have_their_width_and_rise_with_the_value(
    values: list[float | None], full: float, width: int
) -> None:
    bars = sparkline(values, full, width)
    assert len(bars) == width
    shown = dict(zip(reversed(values), reversed(bars), strict=False))
    assert all((bar == " ") == (value is None) for value, bar in shown.items())
    known = sorted((value, BARS.index(bar)) for value, bar in shown.items() if value is not None)
    assert [height for _, height in known] == sorted(height for _, height in known)


@pytest.mark.parametrize(
    ("values", "full", "wanted"),
    [
        ((), 1.0, "    "),
        ((0.0, 50.0, 100.0), 100.0, " ▁▅█"),
        ((None, 250.0, None, 12.6), 100.0, " █ ▂"),
        ((100.0, 0.0, 0.0, 0.0, 0.0), 100.0, "▁▁▁▁"),
        ((0, 0), 0, "  ▁▁"),
    ],
)
def test_bars(values: tuple[float | None, ...], full: float, wanted: str) -> None:
    assert sparkline(values, full, 4) == wanted


def test_the_most_has_the_highest_bar() -> None:
    assert cpu_bars(Samples((None, 100.0, 200.0), (None,) * 3)).strip() == "▅█"
    assert cpu_bars(Samples((0.0, 5.0, 1.0), (None,) * 3)).strip() == "▁▅▁"
    assert memory_bars(Samples((None,) * 3, (500, None, 1000))).strip() == "▅ █"
    assert memory_bars(Samples((None,), (None,))).strip() == ""


# -- samples


def test_a_share_is_known_from_the_second_look_on() -> None:
    history = History()
    looks = [
        history.add(status(service("web", worker(0, cpu_seconds=spent, resident_bytes=kept))), at)
        for at, spent, kept in ((10.0, 5.0, 100), (12.0, 6.0, 200), (13.0, 6.25, 300))
    ]
    assert looks[-1]["web", 0] == Samples((None, 50.0, 25.0), (100, 200, 300))
    assert looks[-1][None].cpu == (None, 0.0, 0.0)


def test_a_worker_keeps_its_samples_when_it_is_restarted() -> None:
    history = History()
    history.add(status(service("web", worker(0, pid=7))), 1.0)
    history.add(status(service("web", worker(0, pid=None, resident_bytes=None))), 2.0)
    history.add(status(service("web", worker(0, pid=8, cpu_seconds=3.0))), 3.0)
    found = history.add(status(service("web", worker(0, pid=8, cpu_seconds=3.5))), 4.0)
    assert found["web", 0] == Samples((None, None, None, 50.0), (1024, None, 1024, 1024))


def test_a_worker_that_is_gone_is_forgotten() -> None:
    history = History()
    history.add(status(service("web", worker(0), worker(1))), 1.0)
    history.add(status(service("web", worker(0))), 2.0)
    found = history.add(status(service("web", worker(0), worker(1))), 3.0)
    assert len(found["web", 0].memory) == 3
    assert len(found["web", 1].memory) == 1


def test_only_the_last_samples_are_kept() -> None:
    history = History()
    for look in range(KEPT + 5):
        found = history.add(status(service("web", worker(0, resident_bytes=look))), float(look))
    assert found["web", 0].memory == tuple(range(5, KEPT + 5))


# -- order

states = st.sampled_from(["fatal", "backoff", "starting", "running", "stopped", "unheard-of"])


@st.composite
def many_rows(draw: st.DrawFn) -> list[Row]:
    names = draw(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), unique=True))
    return [
        Row(
            name,
            WorkerStatus.of(
                worker(
                    number,
                    state=draw(states),
                    restarts=draw(st.integers(0, 3)),
                    uptime=draw(st.none() | st.floats(0, 100)),
                )
            ),
            Samples((draw(measured),), (draw(st.none() | st.integers(0, 3)),)),
        )
        for name, number in names
    ]


@given(many_rows(), st.sampled_from(list(ORDERS)), st.booleans())
def test_rows_are_sorted(given_rows: list[Row], by: str, inverted: bool) -> None:
    order = Order(by, inverted)
    done = order.apply(given_rows)
    assert len(done) == len(given_rows)
    assert all(row in done for row in given_rows)
    keys = [ORDERS[by](row) for row in done]
    known = [key for key in keys if key is not None]
    assert keys[: len(known)] == known, "what is not known comes last"
    assert known == sorted(known, reverse=order.falling)
    names = [(key, row.service, row.worker.worker) for key, row in zip(keys, done, strict=True)]
    for before, after in itertools.pairwise(names):
        assert before[0] != after[0] or before[1:] < after[1:], "equal ones are sorted by name"


def test_orders() -> None:
    found = status(
        service("web", worker(0, restarts=2), worker(10, uptime=5.0), worker(9, pid=None)),
        service("mail", worker(0, state="backoff", pid=None, uptime=None)),
    )
    sampled = {("web", 0): Samples((10.0,), (5,)), ("web", 10): Samples((90.0,), (7,))}

    def names(order: Order) -> list[str]:
        done = order.apply(rows(found, sampled))
        return [f"{row.service}:{row.worker.worker}" for row in done]

    assert names(Order()) == ["mail:0", "web:0", "web:9", "web:10"]
    assert names(Order().invert()) == ["web:10", "web:9", "web:0", "mail:0"]
    assert names(Order("state"))[0] == "mail:0"
    assert names(Order("cpu")) == ["web:10", "web:0", "mail:0", "web:9"]
    assert names(Order("cpu", inverted=True)) == ["web:0", "web:10", "mail:0", "web:9"]
    assert names(Order("memory"))[:2] == ["web:10", "web:0"]
    assert names(Order("restarts"))[0] == "web:0"
    assert names(Order("uptime")) == ["web:0", "web:9", "web:10", "mail:0"]


def test_the_same_order_again_is_inverted() -> None:
    once = Order().chosen("cpu")
    assert once == Order("cpu")
    assert once.falling
    assert once.chosen("cpu") == Order("cpu", inverted=True)
    assert not once.chosen("cpu").falling
    assert once.chosen("cpu").chosen("name") == Order("name")


def test_every_order_has_a_column() -> None:
    assert {column.order for column in WORKER_COLUMNS} - {""} == set(ORDERS)
    assert set(ORDERS) >= GREATEST_FIRST


# -- rows and lines


def test_cells_of_a_worker() -> None:
    found = status(service("web", worker(3, pid=77, restarts=2, status_text="busy")))
    (row,) = rows(found, {("web", 3): Samples((None, 12.5), (2048, 4096))})
    texts = {
        column.title: text
        for column, (text, _) in zip(
            WORKER_COLUMNS, layout.line(WORKER_COLUMNS, row.cells()), strict=True
        )
    }
    assert texts == {
        "WORKER": "web:3",
        "STATE": "running",
        "PID": "77",
        "CPU": "12.5%",
        "CPU BARS": "█".rjust(KEPT),
        "MEMORY": "4.0K",
        "MEMORY BARS": "▅█".rjust(KEPT),
        "UPTIME": "10s",
        "RESTARTS": "2",
        "NEXT": "-",
        "LAST EXIT": "-",
        "STATUS": "busy",
    }


def test_a_service_has_the_sums_of_its_workers() -> None:
    found = status(
        service("web", worker(0), worker(1), worker(2)), service("idle", worker(0)), service("none")
    )
    sampled = {
        ("web", 0): Samples((1.5,), (1024,)),
        ("web", 1): Samples((2.0,), (2048,)),
        ("web", 2): Samples((None,), (None,)),
    }
    cells = [make() for make in services(found, rows(found, sampled))]
    assert [(each["SERVICE"], each["CPU"], each["MEMORY"]) for each in cells] == [
        ("web", "3.5%", "3.0K"),
        ("idle", "-", "-"),
        ("none", "-", "-"),
    ]
    assert all(column.title in cells[0] for column in SERVICE_COLUMNS)


COLUMNS = (
    Column("NAME", 6, order="name"),
    Column("CPU", right=True, order="cpu"),
    Column("BARS", 3, order="cpu", head=""),
    Column("NOTE"),
)


def texts(line: layout.Line) -> str:
    return "".join(text for text, _ in line)


def test_lines_are_aligned() -> None:
    lines = [
        layout.head(COLUMNS, Order("cpu")),
        layout.line(COLUMNS, {"NAME": ("web", "green"), "CPU": "9.5%", "BARS": "▁▂", "NOTE": "x"}),
        layout.line(COLUMNS, {"NAME": "一二三四", "CPU": "110.5%", "BARS": "", "NOTE": ""}),
    ]
    widths = layout.widths(COLUMNS, lines)
    assert widths == (8, 6, 3, 4)
    assert layout.total(widths) == 8 + 2 + 6 + 2 + 3 + 2 + 4
    assert [texts(layout.padded(COLUMNS, widths, line)) for line in lines] == [
        "NAME       ▼ CPU       NOTE",
        "web         9.5%  ▁▂   x   ",
        "一二三四  110.5%           ",
    ]
    assert [style for _, style in layout.padded(COLUMNS, widths, lines[1])][:2] == ["green", ""]


def test_the_head_tells_the_direction() -> None:
    assert "NAME ▲" in texts(layout.head(COLUMNS, Order()))
    assert "NAME ▼" in texts(layout.head(COLUMNS, Order().invert()))
    assert texts(layout.head(COLUMNS, None)) == "NAMECPUNOTE"


@given(st.text())
def test_no_text_leaves_its_line(text: str) -> None:
    cells = {"NAME": text, "CPU": "", "BARS": "", "NOTE": text}
    assert texts(layout.line(COLUMNS, cells)).isprintable()


@pytest.mark.parametrize(
    ("x", "wanted"),
    [(0, "NAME"), (7, "NAME"), (8, "CPU"), (13, "CPU"), (14, "BARS"), (19, "NOTE"), (90, None)],
)
def test_which_column_is_where(x: int, wanted: str | None) -> None:
    found = layout.column_at(COLUMNS, (6, 4, 3, 4), x)
    assert (found and found.title) == wanted
