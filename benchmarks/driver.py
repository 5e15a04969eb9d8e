"""The order of a run: round by round, step by step, contestant by contestant."""

from __future__ import annotations

import sys

from benchmarks.results import Results
from benchmarks.roster import Contestant
from benchmarks.scenarios import Run, Scenario, schedule
from benchmarks.session import Overdue, SessionError


class Driver:
    """Measures all contestants.

    In each step they have their turn one after the other, each time beginning
    with another one, so that a drift of the machine meets them all.
    """

    def __init__(self, run: Run, results: Results) -> None:
        self.failed = False
        """Whether a contestant did not do what was to be measured."""
        self._run = run
        self._results = results
        self._given_up: set[tuple[str, Scenario, int]] = set()

    def measure(self, rounds: int) -> None:
        """Fill the results."""
        contestants = self._present()
        steps = schedule(self._run) * rounds
        for turn, (scenario, workers) in enumerate(steps):
            _progress(f"step {turn + 1} of {len(steps)}")
            first = turn % len(contestants)
            for contestant in contestants[first:] + contestants[:first]:
                self._attempt(turn, scenario, contestant, workers)
        _progress("")

    def _present(self) -> list[Contestant]:
        present = []
        for contestant in self._results.contestants:
            if contestant.missing:
                self._results.note(f"{contestant.title}: n/a, {contestant.missing}")
            else:
                present.append(contestant)
        return present

    def _attempt(self, turn: int, scenario: Scenario, contestant: Contestant, workers: int) -> None:
        key = (contestant.key, scenario, workers)
        if key in self._given_up or workers > contestant.most_workers:
            return
        try:
            for sample in scenario(self._run, contestant, workers):
                self._results.add(contestant, turn, sample)
                if sample.overdue:
                    self._given_up.add(key)
        except (SessionError, Overdue) as error:
            self.failed = True
            self._given_up.add(key)
            self._results.note(f"{contestant.title}, {scenario.__name__} {workers}: {error}")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
