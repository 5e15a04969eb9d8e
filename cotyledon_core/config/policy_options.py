"""What a restart policy's options are called in files.

They stand in ``[cotyledon]`` and in services' sections, beside the options of
others. So each carries the policy's name there: ``max_restarts`` of ``limited``
is ``limited_max_restarts``. The options that all built-in policies share do not,
so that one policy is exchanged for another in one line.
"""

from __future__ import annotations

import copy
import re

from oslo_config import cfg

from cotyledon_core.default_policy import DefaultPolicy

COMMON = frozenset(option.dest for option in DefaultPolicy.options())
"""The options whose names stay as they are, whichever policy declares them."""


def in_files(policy: str, option: cfg.Opt) -> cfg.Opt:
    """The option as files call it.

    :param policy: the name of the entry point.
    :param option: what the policy's ``options()`` has, called as its
        constructor's keyword; if that carries the policy's name, it stays.
    """
    prefix = re.sub(r"\W", "_", policy) + "_"
    if option.dest in COMMON or f"{option.dest}_".startswith(prefix):
        return option
    renamed = copy.copy(option)
    renamed.name = renamed.dest = prefix + option.dest
    renamed.deprecated_opts = [
        cfg.DeprecatedOpt(prefix + old.name, group=old.group) if old.name else old
        for old in option.deprecated_opts
    ]
    return renamed
