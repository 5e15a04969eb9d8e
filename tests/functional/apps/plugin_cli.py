"""``cotyledon`` with the plugins of :mod:`plugin_recorder`; the arguments are its own."""

from __future__ import annotations

import sys
from pathlib import Path

from plugin_recorder import ENTRY_POINTS

from cotyledon_core.cli.main import main

if __name__ == "__main__":
    site = Path("site")
    info = site / "recorder-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: recorder\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path.insert(0, str(site.resolve()))
    sys.exit(main())
