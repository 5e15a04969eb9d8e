"""Registering the options of services."""

from __future__ import annotations

import contextlib
from typing import Any

from oslo_config import cfg

from cotyledon_core.compat.oslo_service import _options


def register_service_opts(conf: cfg.ConfigOpts) -> None:
    """Register ``log_options`` and ``graceful_shutdown_timeout``.

    One of the same name that is there already is used instead.
    """
    for option in _options.service_opts:
        with contextlib.suppress(cfg.DuplicateOptError):
            conf.register_opt(option)


def set_service_opts_defaults(conf: cfg.ConfigOpts, **kwargs: Any) -> None:
    """Register the options and give them other defaults.

    :param kwargs: by the option's name, its new default.
    """
    register_service_opts(conf)
    if kwargs:
        cfg.set_defaults(_options.service_opts, **kwargs)
