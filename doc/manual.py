"""Makes the manual page cotyledon(1), of the same parser as ``cotyledon --help``.

python doc/manual.py cotyledon.1

It needs argparse-manpage, of the extra [docs].
"""

from __future__ import annotations

import argparse
import configparser
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def parser() -> argparse.ArgumentParser:
    """The command line's; examples and exit statuses, which argparse-manpage leaves out of
    sub-commands, are parts of their descriptions."""
    from cotyledon_core.cli.main import parser

    made = parser()
    for action in made._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                command.description = f"{command.description}\n{command.epilog}"
    return made


def main(output: str) -> None:
    """Write the page."""
    from argparse_manpage import cli

    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(ROOT / "setup.cfg", encoding="utf-8")
    sys.argv[1:] = [
        "--pyfile", __file__, "--function", "parser", "--output", output,
        "--prog", "cotyledon", "--project-name", "cotyledon-core",
        "--version", metadata["metadata"]["version"],
        "--description", "run services in worker processes, and steer what runs",
        "--manual-title", "Cotyledon",
    ]  # fmt: skip
    cli.main()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FILE")
    main(sys.argv[1])
