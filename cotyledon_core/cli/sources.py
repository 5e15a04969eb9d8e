"""The arguments that say where the configuration is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--config-file`` and ``--config-dir``; their order counts, across both."""
    for option, metavar, text in (
        (
            "--config-file",
            "FILE",
            "a configuration file; may be repeated, later ones win "
            "(default: cotyledon.conf in ~/.cotyledon, ~, /etc/cotyledon or /etc)",
        ),
        (
            "--config-dir",
            "DIR",
            "a directory whose *.conf files are read, sorted by name; may be repeated "
            "(default: cotyledon.conf.d in the same places)",
        ),
    ):
        parser.add_argument(
            option,
            metavar=metavar,
            dest="sources",
            action="append",
            default=[],
            type=_as_argument(option),
            help=text,
        )


def _as_argument(option: str) -> Callable[[str], str]:
    """For oslo.config; absolute, so that a reload finds it from anywhere."""

    def convert(path: str) -> str:
        return f"{option}={os.path.abspath(os.path.expanduser(path))}"

    return convert
