"""The options that programs register by way of this package."""

from __future__ import annotations

import copy

from oslo_config import cfg

from cotyledon_core.config.options import DEFAULT_OPTIONS

service_opts: list[cfg.Opt] = copy.deepcopy(DEFAULT_OPTIONS)
"""Copies: a program may give them other defaults."""

periodic_opts: list[cfg.Opt] = [
    cfg.BoolOpt(
        "run_external_periodic_tasks",
        default=True,
        help="Whether to run, in this process, periodic tasks that another process may run.",
    ),
]
