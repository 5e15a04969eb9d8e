"""One worker that is an external program. Arguments: options of the program as NAME=VALUE."""

from __future__ import annotations

import sys
from pathlib import Path

from support import manager, watch

from cotyledon_plugins.services.command import CommandService

if __name__ == "__main__":
    program = Path(__file__).with_name("plugin_program.py")
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    made = manager()
    watch(made)
    command = f"{sys.executable} {program} serve"
    made.add(CommandService, kwargs={"command": command, **options})
    made.run()
