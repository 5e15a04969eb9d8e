"""The notifiers of a manager that nobody has given any."""

from __future__ import annotations

import os

from cotyledon_core.event_log import EventLog
from cotyledon_core.log import Log
from cotyledon_core.plugins.notifier import Notifier

LOG = Log("cotyledon_core")


def default_notifiers() -> dict[str, Notifier]:
    """The log, and systemd where it listens."""
    notifiers: dict[str, Notifier] = {"log": EventLog()}
    if os.environ.get("NOTIFY_SOCKET"):
        from cotyledon_core.exceptions import PluginError
        from cotyledon_core.plugins import loading

        try:
            notifiers["systemd"] = loading.load(loading.Namespace.NOTIFIERS, "systemd")()
        except PluginError as error:
            LOG.warning("systemd is not notified: %s", error)
    return notifiers
