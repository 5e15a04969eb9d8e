"""The notifiers of a manager whose configuration, if it has one, names none."""

from __future__ import annotations

import os

from cotyledon_core.event_log import EventLog
from cotyledon_core.log import Log
from cotyledon_core.plugins.notifier import Notifier
from cotyledon_core.runtime.services import unique_name

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


def with_defaults(given: dict[str, Notifier]) -> dict[str, Notifier]:
    """The default ones and these; one of a default one's kind takes its place."""
    notifiers = {
        unique_name(name, given): default
        for name, default in default_notifiers().items()
        if not any(isinstance(notifier, type(default)) for notifier in given.values())
    }
    return {**notifiers, **given}
