"""``cotyledon compat-path``: the folder for ``PYTHONPATH``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Prints a folder with packages named cotyledon and oslo_service that lead to
this distribution. With it on PYTHONPATH a program that was written for
Cotyledon or oslo.service runs on this one, unchanged.
"""
EPILOG = """\
example:
  PYTHONPATH="$(cotyledon compat-path)" gnocchi-metricd

exit status: 0, or 2 for a wrong command line
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = commands.add_parser(
        "compat-path",
        help="print the folder that answers to the names cotyledon and oslo_service",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=compat_path)


def compat_path(args: argparse.Namespace) -> int:
    """Print the path; nothing of it is imported."""
    print(Path(__file__).parents[1] / "compat" / "path" / "both")
    return 0
