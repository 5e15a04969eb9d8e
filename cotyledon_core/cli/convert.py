"""``cotyledon convert``: another manager's configuration, made into ours."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Makes a configuration of a supervisord.conf, or of circus's .ini file.

What has no equal here is a note in it: a comment that says what to do instead.
Values of the environment are written as they are, and never into a note.
"""
EPILOG = """\
examples:
  cotyledon convert /etc/supervisor/supervisord.conf
  cotyledon convert circus.ini --output cotyledon.conf
  cotyledon check --config-file cotyledon.conf

exit status: 0 for success, 1 if the file is faulty, 2 for a wrong command line
"""
MANAGERS = ("supervisord", "circus")


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = commands.add_parser(
        "convert",
        help="make a configuration of supervisord's or circus's",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="what to convert")
    parser.add_argument(
        "--from",
        dest="manager",
        choices=MANAGERS,
        help="whose file it is (default: what its sections say)",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="where to write, a file that is not there yet; it gets the permissions of the "
        "original (default: standard output)",
    )
    parser.set_defaults(command=convert)


def convert(args: argparse.Namespace) -> int:
    """
    :raises ConfigurationError: with every fault found.
    """
    from importlib import import_module

    manager = args.manager or _detect(args.file)
    module = import_module(f"cotyledon_core.conversion.{manager}")
    draft = module.convert(args.file, os.environ)
    text = draft.render(str(args.file))
    if args.output is None:
        sys.stdout.write(text)
    else:
        _write(args.output, text, args.file)
        print(f"{args.output}: {len(draft.services)} services, {text.count('# note: ')} notes")
    return 0


def _detect(path: Path) -> str:
    import configparser

    from cotyledon_core.conversion.reading import read_into
    from cotyledon_core.exceptions import ConfigurationError

    parser = configparser.RawConfigParser(strict=False)
    read_into(parser, path)
    kinds = {section.partition(":")[0] for section in parser.sections()}
    if kinds & {"supervisord", "program", "include"}:
        return "supervisord"
    if kinds & {"circus", "watcher"}:
        return "circus"
    raise ConfigurationError(
        [f"{path}: is neither supervisord's nor circus's: it has no [program:NAME], [watcher:NAME]"]
    )


def _write(path: Path, text: str, original: Path) -> None:
    from cotyledon_core.exceptions import ConfigurationError

    try:
        mode = original.stat().st_mode & 0o666
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigurationError([f"{path}: is there already; it is not overwritten"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be written: {error.strerror}"]) from None
