"""The notifier ``log``: one line in the log for each event."""

from __future__ import annotations

from cotyledon_core import EventLog


class Log(EventLog):
    """What logs the events without any configuration, under a name to configure."""
