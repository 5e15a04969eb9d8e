"""``python -m cotyledon_core`` is the command ``cotyledon``."""

from __future__ import annotations

import sys

from cotyledon_core.cli.main import main

if __name__ == "__main__":
    # what manager and client call themselves, however they are started
    sys.argv[0] = "cotyledon"
    sys.exit(main())
