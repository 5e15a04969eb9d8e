"""The samples of a run: medians, ratios, the table and its machine-readable form."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.roster import BASE, Contestant
from benchmarks.scenarios import Sample

RATIO_WIDTH = 7


@dataclass
class Results:
    """All samples so far, by row, contestant and round."""

    contestants: Sequence[Contestant]
    samples: dict[str, dict[str, dict[int, Sample]]] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    """What could not be measured and why, each once."""

    def add(self, contestant: Contestant, turn: int, sample: Sample) -> None:
        """Keep what one contestant gave in one turn of the round-robin."""
        row = self.samples.setdefault(sample.row, {})
        row.setdefault(contestant.key, {})[turn] = sample

    def note(self, text: str) -> None:
        self.notes[text] = None

    def cell(self, row: str, contestant: Contestant) -> Cell | None:
        """One cell of the table; None where nothing was measured."""
        mine = self.samples[row].get(contestant.key, {})
        if not mine:
            return None
        reference = {} if contestant.key == BASE else self.samples[row].get(BASE, {})
        ratios = [
            sample.value / base
            for turn, sample in mine.items()
            if (base := _base(sample, reference.get(turn)))
        ]
        return Cell(list(mine.values()), statistics.median(ratios) if ratios else None)

    def as_dict(self) -> dict[str, Any]:
        """The results as plain values; times in seconds, memory in bytes."""
        rows = []
        for row in self.samples:
            cells = {each.key: self.cell(row, each) for each in self.contestants}
            results = {key: cell.as_dict() for key, cell in cells.items() if cell}
            rows.append({"row": row, "results": results})
        titles = {each.key: each.title for each in self.contestants}
        return {"contestants": titles, "rows": rows, "notes": list(self.notes)}


def _base(sample: Sample, reference: Sample | None) -> float | None:
    """What the sample is compared with; counts are not."""
    if not sample.unit:
        return None
    if sample.base is not None:
        return sample.base
    return reference.value if reference else None


@dataclass(frozen=True)
class Cell:
    """What one contestant did in one row."""

    samples: Sequence[Sample]
    ratio: float | None

    @property
    def median(self) -> float:
        return statistics.median(sample.value for sample in self.samples)

    @property
    def overdue(self) -> bool:
        return any(sample.overdue for sample in self.samples)

    def as_dict(self) -> dict[str, Any]:
        return {
            "median": self.median,
            "ratio": self.ratio,
            "unit": self.samples[0].unit,
            "overdue": self.overdue,
            "samples": [sample.value for sample in self.samples],
        }

    def __str__(self) -> str:
        mark = "> " if self.overdue else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        return f"{mark}{_amount(self.median, self.samples[0].unit)} {ratio:>{RATIO_WIDTH}}"


def _amount(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.2f} ms"
    if unit == "B":
        return f"{value / 2**20:.2f} MiB"
    return f"{value:g}"


def table(results: Results) -> str:
    """The results for people to read: medians, and ratios to the bare loop of the same round."""
    nothing = "n/a" + " " * (RATIO_WIDTH + 1)
    lines = [["", *(each.title + " " * (RATIO_WIDTH + 1) for each in results.contestants)]]
    for row in results.samples:
        cells = (results.cell(row, each) for each in results.contestants)
        lines.append([row, *(str(cell) if cell else nothing for cell in cells)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
    ]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:], "", *results.notes])
