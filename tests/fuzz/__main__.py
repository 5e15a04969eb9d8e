"""Fuzzes one target: ``python -m tests.fuzz protocol|server [libFuzzer's arguments]``.

The first directory that is given gets what is found to be of interest; further ones are read. A
file is tried once.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import atheris

TARGETS = ("protocol", "server")
BOUNDS = ("-max_len=4096", "-timeout=30", "-rss_limit_mb=512")
"""Bytes of the data, seconds that it may take, and memory of the process."""
WORDS = Path(__file__).parent / "words.dict"


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["cotyledon_core"]):
        target = importlib.import_module(f"tests.fuzz.{name}")
    atheris.Setup([name, *BOUNDS, f"-dict={WORDS}", *arguments], target.check)
    atheris.Fuzz()


main()
