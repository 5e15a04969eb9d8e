"""What all parts of the supervisor look at and change."""

from __future__ import annotations

from cotyledon_core.supervision.agenda import Agenda
from cotyledon_core.supervision.completion import Completion
from cotyledon_core.supervision.deadlines import Deadlines
from cotyledon_core.supervision.order import Order
from cotyledon_core.supervision.readiness import FirstReadiness
from cotyledon_core.supervision.results import Results
from cotyledon_core.supervision.roster import Roster
from cotyledon_core.supervision.start_queue import StartQueue
from cotyledon_core.supervision.timers import Timer


class Situation:
    """Shared by the parts, one for each supervisor.

    :param grace: the manager's grace period in seconds; 0 waits without end.
    :param spawn_interval: the least time between two starts, in seconds.
    """

    def __init__(self, grace: float, spawn_interval: float) -> None:
        self.grace = grace
        self.roster = Roster()
        self.starts = StartQueue(spawn_interval)
        self.deadlines: Deadlines[Timer] = Deadlines()
        self.agenda = Agenda()
        self.readiness = FirstReadiness()
        self.completion = Completion(self.roster)
        self.order = Order(self.starts)
        self.results = Results(self.agenda)
        self.alive = 0
        """Processes that were asked for and whose end was not told."""
        self.stopping = False
        """Nothing is started any more."""

    @property
    def now(self) -> float:
        """The time of the message that is being handled, in monotonic seconds."""
        return self.agenda.now.monotonic
