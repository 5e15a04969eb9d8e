"""``cotyledon completion``: have a shell complete the command line."""

from __future__ import annotations

import argparse
import os
from typing import Any

from cotyledon_core.exceptions import CotyledonError

DESCRIPTION = """\
Prints what has to be evaluated in a shell to have it complete sub-commands,
options, and the services and workers of a manager that runs: the one of
--socket, COTYLEDON_SOCKET or the configuration. It needs argcomplete, of the
extra [cli].
"""
EPILOG = """\
examples:
  eval "$(cotyledon completion bash)"                 # in ~/.bashrc
  eval "$(cotyledon completion zsh)"                  # in ~/.zshrc, after compinit
  cotyledon completion fish | source                  # in config.fish

exit status: 0, 1 if argcomplete is not installed, 2 for a wrong command line
"""
SHELLS = ("bash", "zsh", "fish")
FILES = ("FILE", "DIR", "PATH")
"""How arguments are shown that name one."""


class NoArgcomplete(CotyledonError):
    """The package that does it is not installed."""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = commands.add_parser(
        "completion",
        help="print what has a shell complete the command line",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=SHELLS, help="which one")
    parser.set_defaults(command=completion)


def completion(args: argparse.Namespace) -> int:
    """
    :raises NoArgcomplete: if it is not installed.
    """
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError:
        text = "completion needs argcomplete: pip install 'cotyledon-core[cli]'"
        raise NoArgcomplete(text) from None
    print(shellcode(["cotyledon"], shell=args.shell))
    return 0


def answer(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how to go on, and exit; otherwise do nothing."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete
        from argcomplete.completers import FilesCompleter

        class Files(FilesCompleter):
            """Offers them for what is one, and nothing for other arguments."""

            def __call__(self, prefix: str, **more: Any) -> list[str]:
                return super().__call__(prefix) if more["action"].metavar in FILES else []

        argcomplete.autocomplete(parser, default_completer=Files())
