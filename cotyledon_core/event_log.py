"""Events as log records: one line each, with structured fields.

The stacks of a worker that hangs are lines of their own in its record.

The records go to the logger ``cotyledon_core.events``. Their fields are
attributes of the record under the names of the event's fields with
``cotyledon_`` in front, ``cotyledon_event`` being the event's kind, so that
none of them meets an attribute that a record has anyway.

=========  ==============================================================
level      events
=========  ==============================================================
error      a worker that hangs, a service given up, a reload that failed, a hook that failed,
           a notifier disabled, an error that ends the manager
warning    an end that nobody asked for, an end by force, a reload undone, events dropped
debug      a spawn, a worker's own status
info       all others
=========  ==============================================================
"""

from __future__ import annotations

import sys
from typing import Any

from cotyledon_core import events
from cotyledon_core.log import DEBUG, ERROR, INFO, WARNING, Log
from cotyledon_core.plugins.notifier import Notifier

LOG = Log("cotyledon_core.events")

_LEVELS: dict[type[events.Event], int] = {
    events.WorkerHung: ERROR,
    events.ServiceGivenUp: ERROR,
    events.ReloadFailed: ERROR,
    events.ServiceRestartFailed: ERROR,
    events.HookFailed: ERROR,
    events.NotifierDisabled: ERROR,
    events.ReloadUndone: WARNING,
    events.EventsDropped: WARNING,
    events.WorkerSpawned: DEBUG,
    events.WorkerStatus: DEBUG,
}


class EventLog(Notifier):
    """Writes each event to the log.

    It runs in the manager, whose log handlers do not wait for anything.
    """

    blocking = False

    @staticmethod
    def level(event: events.Event) -> int:
        """The event's level, as in :mod:`logging`."""
        if isinstance(event, events.WorkerExited):
            return INFO if event.asked and not event.forced else WARNING
        if isinstance(event, events.ManagerStopped) and event.error:
            return ERROR
        return _LEVELS.get(type(event), INFO)

    def notify(self, event: events.Event) -> None:
        level = self.level(event)
        if LOG.wants(level):
            fields: dict[str, Any] = {
                f"cotyledon_{name}": value for name, value in event.as_dict().items()
            }
            if "oslo_log" in sys.modules:
                # its formatters show those fields only that are named there
                fields["extra_keys"] = sorted(fields)
            dump = getattr(event, "dump", "")
            LOG.log(level, "%s%s", event, f":\n{dump}" if dump else "", extra=fields)
