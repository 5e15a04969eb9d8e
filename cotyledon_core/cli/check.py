"""``cotyledon check``: tell every fault of a configuration, start nothing."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from cotyledon_core.cli import asking, reload, sources
from cotyledon_core.exceptions import CotyledonError

if TYPE_CHECKING:
    from cotyledon_core.config.settings import ManagerSettings
    from cotyledon_core.control.client import Client
    from cotyledon_core.control.results import Preview

DESCRIPTION = """\
Checks a configuration whole, without starting anything.

Every fault is a line on standard error: file, section, key, what is wrong and
what would be right. What is no fault but may not be meant is a line that
begins with "notice".

With --diff, also shown is what would change if the manager that runs at the
control socket that the configuration names had this configuration: "+" is
added, "-" removed, "~" changed, and "!" is why it would need a restart.
"""
EPILOG = """\
examples:
  cotyledon check --config-file /etc/cotyledon/cotyledon.conf
  cotyledon check --config-file new.conf --diff

exit status: 0 if there is no fault, 1 if there is, 2 for a wrong command line;
with --diff also 1 if the manager would refuse it, 3 if no manager answers,
4 if it cannot be told
"""


class Incomparable(CotyledonError):
    """What the manager runs with cannot be known here."""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the command line."""
    parser = commands.add_parser(
        "check",
        help="check a configuration without starting anything",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    sources.add_arguments(parser)
    parser.add_argument(
        "--diff", action="store_true", help="also show what would change in a running manager"
    )
    asking.add_socket(parser, "with --diff: ")
    parser.set_defaults(command=check)


def check(args: argparse.Namespace) -> int:
    """
    :raises ConfigurationError: with every fault found.
    """
    from cotyledon_core.config import loader
    from cotyledon_core.config.origin import Origin

    conf = loader.load(args.sources)
    settings = loader.compile_settings(conf)
    for notice in settings.notices:
        print(f"notice: {notice}", file=sys.stderr)
    workers = sum(service.workers for service in settings.services)
    print(f"configuration is valid: {len(settings.services)} services, {workers} workers")
    if not args.diff:
        return 0
    given = Origin.of(conf).arguments()
    return asking.ask(lambda client, _: reload.show(_preview(client, settings, given)), args)


def _preview(client: Client, new: ManagerSettings, given: list[str]) -> Preview:
    """What would change in the manager with this configuration.

    The manager reads no files that a client names, and tells no values: they are compared here,
    with the files that it reads, as long as these still say what it runs with.

    :param given: where ``new`` was read.
    """
    from cotyledon_core.config.preview import preview_of_others
    from cotyledon_core.control.results import Preview

    own = client.preview()
    if not own.sources:
        raise Incomparable("the manager has no configuration files, there is nothing to compare")
    if list(own.sources) == given:
        return own
    if own:
        raise Incomparable(
            "the manager's own configuration has changed since it was read, so this one cannot "
            f"be compared with it; reload the manager before (it has {' '.join(own.sources)})"
        )
    return Preview.of(preview_of_others(own.sources, new))
