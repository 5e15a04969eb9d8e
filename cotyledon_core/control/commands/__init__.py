"""All commands of the control socket, by name."""

from __future__ import annotations

from cotyledon_core.control.commands import inspecting, log_levels, seeing, steering
from cotyledon_core.control.commands.command import by_name

COMMANDS = by_name(
    (*seeing.COMMANDS, *steering.COMMANDS, *inspecting.COMMANDS, *log_levels.COMMANDS)
)
