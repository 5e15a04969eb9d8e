"""Reads configuration files: for the command line, and again for a reload."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from oslo_config import cfg

from cotyledon_core.config.compiler import Compiler
from cotyledon_core.config.origin import Origin, SharedConf
from cotyledon_core.config.settings import ManagerSettings
from cotyledon_core.config.sources import Sources

PROJECT = "cotyledon"


def load(args: Sequence[str] | None = None, *, defaults: bool = True) -> cfg.ConfigOpts:
    """Read what the command line names, else the default files and directories.

    Those are ``cotyledon.conf`` and ``cotyledon.conf.d`` in ``~/.cotyledon``,
    ``~``, ``/etc/cotyledon`` and ``/etc``, the first of each.

    :param args: ``--config-file`` and ``--config-dir``, each any number of
        times; ``sys.argv[1:]`` unless given.
    :param defaults: whether the default ones are read where none are named.
    :raises ConfigurationError: with each file that is broken.
    """
    origin = Origin(
        args=tuple(sys.argv[1:] if args is None else args),
        project=PROJECT,
        prog=PROJECT,
        # An empty program name, or each would be found twice: by project and by program.
        default_files=tuple(cfg.find_config_files(PROJECT, prog="") if defaults else ()),
        default_dirs=tuple(cfg.find_config_dirs(PROJECT, prog="") if defaults else ()),
        use_env=True,
        registered=(),
    )
    Sources.read(origin)
    return origin.read()


def compile_settings(conf: cfg.ConfigOpts) -> ManagerSettings:
    """What ``conf`` means, from a fresh reading of its files.

    :param conf: a ConfigOpts that was called with its command line; it is
        left as it is.
    :raises ConfigurationError: with every fault found.
    """
    return read(SharedConf(conf))[0]


def read(shared: SharedConf) -> tuple[ManagerSettings, cfg.ConfigOpts]:
    """A fresh reading and its meaning.

    :raises ConfigurationError: with every fault found.
    """
    conf, sources = fresh_reading(shared)
    return Compiler(conf, sources, shared).compile(), conf


def fresh_reading(shared: SharedConf) -> tuple[cfg.ConfigOpts, Sources]:
    """A ConfigOpts of our own that has read the same files, and where their keys stand.

    :raises ConfigurationError: with each file that is broken.
    """
    origin = shared.origin
    sources = Sources.read(origin)
    return origin.read(), sources
