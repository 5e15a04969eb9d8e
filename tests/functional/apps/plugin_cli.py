"""``cotyledon`` with the plugins of :mod:`plugin_recorder`; the arguments are its own."""

from __future__ import annotations

import sys

from installing import install
from plugin_recorder import ENTRY_POINTS

from cotyledon_core.cli.main import main

if __name__ == "__main__":
    install(ENTRY_POINTS)
    sys.exit(main())
