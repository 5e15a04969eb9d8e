"""What a change of each option takes, once the manager runs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from enum import Enum

from oslo_config import cfg


class Mark(Enum):
    """How a changed value takes effect."""

    LIVE = "live"
    """A running manager takes it over; no worker is touched."""
    REPLACING = "replacing"
    """The workers concerned are replaced."""
    RESTART = "restart"
    """The manager has to be started anew; a reload is refused."""


DEFAULT_MARKS = {
    "graceful_shutdown_timeout": Mark.LIVE,
    "log_options": Mark.LIVE,
}
"""Of the options of [DEFAULT]."""

MANAGER_MARKS = {
    "services": Mark.LIVE,
    "notifiers": Mark.LIVE,
    "restart_policy": Mark.LIVE,
    "start_method": Mark.RESTART,
    "name": Mark.RESTART,
    "spawn_interval": Mark.LIVE,
    "stop_delay": Mark.LIVE,
    "reload_method": Mark.LIVE,
    "on_reload_failure": Mark.LIVE,
    "dump_signal": Mark.RESTART,
    "scale_signals": Mark.RESTART,
}
"""Of the options of [cotyledon]."""

CONTROL_MARKS = {
    "socket": Mark.RESTART,
    "mode": Mark.RESTART,
    "group": Mark.RESTART,
    "required": Mark.LIVE,
    "read_only_uids": Mark.LIVE,
    "read_only_gids": Mark.LIVE,
    "read_write_uids": Mark.LIVE,
    "read_write_gids": Mark.LIVE,
    "max_clients": Mark.LIVE,
    "max_request": Mark.LIVE,
    "max_output": Mark.LIVE,
    "idle_timeout": Mark.LIVE,
    "flight_recorder_size": Mark.RESTART,
    "flight_recorder_file": Mark.RESTART,
}
"""Of the options of [control]; those that are LIVE hold for clients that connect from then on."""

SERVICE_MARKS = {
    "service_type": Mark.REPLACING,
    "workers": Mark.LIVE,
    "restart_policy": Mark.LIVE,
    "graceful_shutdown_timeout": Mark.LIVE,
    "ready_when": Mark.REPLACING,
    "start_timeout": Mark.LIVE,
    "watchdog": Mark.REPLACING,
    "watchdog_timeout": Mark.REPLACING,
    "watchdog_signal": Mark.LIVE,
    "max_lifetime": Mark.LIVE,
    "max_memory": Mark.REPLACING,
    "max_tasks": Mark.REPLACING,
    "recycle_jitter": Mark.REPLACING,
    "max_recycling": Mark.LIVE,
    "start_after": Mark.RESTART,
    "sockets": Mark.REPLACING,
    "on_give_up": Mark.LIVE,
    "capture_stderr": Mark.REPLACING,
    "reload_strategy": Mark.LIVE,
    "max_unavailable": Mark.LIVE,
    "max_surge": Mark.LIVE,
    "min_ready_time": Mark.LIVE,
    "replacement_timeout": Mark.LIVE,
}
"""Of the options of [service:NAME]; those of the service plugin are REPLACING, but what is
mutable of a class that takes the ConfigOpts; those of the restart policy are LIVE."""

NOTIFIER_MARKS = {"notifier_type": Mark.LIVE}
"""Of the options of [notifier:NAME]; those of the plugin are LIVE too."""

SOCKET_MARKS = {
    "address": Mark.RESTART,
    "backlog": Mark.RESTART,
    "mode": Mark.RESTART,
    "reuse_port": Mark.RESTART,
}
"""Of the options of [socket:NAME]. A section that comes or goes is LIVE."""

_HELP = {
    Mark.LIVE: "",
    Mark.REPLACING: " A change replaces the workers.",
    Mark.RESTART: " A change needs a restart of the manager.",
}


def explained(options: Iterable[cfg.Opt], marks: Mapping[str, Mark]) -> list[cfg.Opt]:
    """Copies of the options, whose help says what a change takes.

    :param marks: an option without one gets no word.
    """
    copies = [copy.copy(option) for option in options]
    for option in copies:
        mark = marks.get(option.dest, Mark.LIVE)
        option.help = f"{option.help or ''}{_HELP[mark]}" or None
    return copies
