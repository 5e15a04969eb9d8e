"""``events``: what a client is told of the ring, whatever happens meanwhile."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cotyledon_core import events
from cotyledon_core.control.commands.inspecting import ENTRIES_AT_ONCE, Reading
from cotyledon_core.control.tasks import Done
from cotyledon_core.runtime.recorder import Recorder
from cotyledon_core.types import ServiceId

SERVICES = ("web", "batch")


class Reader:
    """A client, and how much room it has in each turn."""

    def __init__(self, recorder: Recorder, after: int, since: float, **options: Any) -> None:
        self.after = after
        self.since = since
        self.service: str | None = options["service"]
        self.follow: bool = options["follow"]
        self.told: list[int] = []
        self.dropped = 0
        self.done: Done | None = None
        self._task = Reading(recorder, after, since, **options)
        self._room = 0

    def turn(self, room: int) -> None:
        """The client has room for one thing at least."""
        self._room = room
        before = len(self.told)
        if self.done is None:
            self.done = self._task.step(0.0, self._tell)
        assert len(self.told) - before <= ENTRIES_AT_ONCE

    def _tell(self, value: dict[str, Any]) -> bool:
        if not self._room:
            return False
        self._room -= 1
        if "dropped" in value:
            self.dropped += value["dropped"]
        else:
            self.told.append(value["number"])
        return True

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to tell."""
        if self.done is not None:
            return True
        due = self._task.deadline()
        assert due == 0.0 or self.follow
        return due is None

    def wants(self, service: str, wall_time: float) -> bool:
        return self.service in (None, service) and wall_time >= self.since


class Told(RuleBasedStateMachine):
    """Readers of one ring; the model is a list of all that was ever noted."""

    def __init__(self) -> None:
        super().__init__()
        self.recorder = Recorder(40)
        self.noted: list[tuple[str, float]] = []
        self.readers: list[Reader] = []

    @rule(
        count=st.integers(1, 60),
        service=st.sampled_from(SERVICES),
        wall_time=st.integers(0, 3).map(float),
    )
    def note(self, count: int, service: str, wall_time: float) -> None:
        event = events.ServiceRemoved(0.0, wall_time, service, ServiceId(service))
        for _ in range(count):
            self.recorder.note(event)
        self.noted += [(service, wall_time)] * count

    @precondition(lambda self: len(self.readers) < 4)
    @rule(
        back=st.none() | st.integers(0, 90),
        since=st.sampled_from([0.0, 2.0]),
        service=st.sampled_from([None, *SERVICES]),
        follow=st.booleans(),
    )
    def begin(self, back: int | None, since: float, service: str | None, follow: bool) -> None:
        after = 0 if back is None else max(self.recorder.count - back, 0)
        reader = Reader(self.recorder, after, since, service=service, follow=follow)
        self.readers.append(reader)

    @rule(room=st.sampled_from([1, 2, 40]))
    def turn(self, room: int) -> None:
        for reader in self.readers:
            reader.turn(room)

    @rule()
    def read_on(self) -> None:
        """Until all are told: each is told all that it wants, but for what was forgotten."""
        for reader in self.readers:
            turns = 0
            while not reader.at_rest:
                reader.turn(10)
                turns += 1
                assert turns <= 10
            last = self.recorder.count if reader.done is None else reader.done.value["last"]
            self._check(reader, last)

    def _check(self, reader: Reader, last: int) -> None:
        wanted = [
            number
            for number, noted in enumerate(self.noted[:last], 1)
            if number > reader.after and reader.wants(*noted)
        ]
        missing = set(wanted) - set(reader.told)
        assert set(reader.told) <= set(wanted)
        if reader.after:
            assert len(missing) <= reader.dropped <= last - reader.after - len(reader.told)

    @invariant()
    def each_is_told_once_and_in_order(self) -> None:
        for reader in self.readers:
            assert all(before < after for before, after in pairwise(reader.told))


TestTold = Told.TestCase
