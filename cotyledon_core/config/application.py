"""The way from an application's ConfigOpts to what a manager needs."""

from __future__ import annotations

from oslo_config import cfg

from cotyledon_core.config.loader import read
from cotyledon_core.config.origin import SharedConf
from cotyledon_core.config.reloader import Reloader, log_settings
from cotyledon_core.config.settings import ManagerSettings


def build(conf: cfg.ConfigOpts) -> tuple[ManagerSettings, Reloader]:
    """Compile a configuration.

    :param conf: a ConfigOpts that was called with its command line, by
        :func:`cotyledon_core.config.loader.load` or by the application. It is
        left as it is: our options are registered in one of our own that reads
        the same files.
    :returns: the settings, and what reads them again for a reload.
    :raises ConfigurationError: with every fault found.
    """
    shared = SharedConf(conf)
    settings, own = read(shared)
    log_settings(settings, own)
    return settings, Reloader(shared, settings)
