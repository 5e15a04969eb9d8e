"""Ties a :class:`ServiceManager` to an application's ``oslo.config`` options.

On SIGHUP the files are re-read (or mutated) in the manager, as the first thing
if this module was used first, and in each worker before the ``reload()`` of its
service. A worker whose service has no ``reload()`` of its own is replaced, and
a forked replacement inherits what the manager has read.

A broken file is logged, and leaves the values as they were.
"""

from __future__ import annotations

import copy
import functools
import logging
import signal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from oslo_config import cfg

from cotyledon_core.config.options import DEFAULT_OPTIONS
from cotyledon_core.config.origin import revive
from cotyledon_core.service import Service, has_own_reload

if TYPE_CHECKING:
    from cotyledon_core.manager import ServiceManager
    from cotyledon_core.types import ServiceId, WorkerId

LOG = logging.getLogger(__name__)

ReloadMethod: TypeAlias = Literal["reload", "mutate"]

service_opts = DEFAULT_OPTIONS


def setup(
    service_manager: ServiceManager,
    conf: cfg.ConfigOpts,
    reload_method: ReloadMethod = "reload",
) -> None:
    """Register our options and link the manager to them.

    :param service_manager: the manager to configure.
    :param conf: the application's configuration.
    :param reload_method: what SIGHUP does, see :func:`link`.
    """
    register_opts(conf)
    link(service_manager, conf, reload_method)


def link(
    service_manager: ServiceManager,
    conf: cfg.ConfigOpts,
    reload_method: ReloadMethod = "reload",
) -> None:
    """Configure the manager from ``conf``, now and at each reload.

    Read are ``graceful_shutdown_timeout`` and ``log_options``, which must be
    registered. If ``log_options`` says so, the values of all options are logged
    at DEBUG when the manager is linked, when a worker starts, and at each
    reload of them. Where there is no SIGHUP, nothing is reloaded.

    :param service_manager: the manager to configure.
    :param conf: the application's configuration.
    :param reload_method: ``reload`` takes over all options, ``mutate`` those
        that are declared mutable.
    """
    _configure(service_manager, conf)
    if hasattr(signal, "SIGHUP"):
        service_manager.register_hooks(
            on_new_worker=functools.partial(_prepare_worker, conf, reload_method),
            on_reload=functools.partial(_reload_manager, service_manager, conf, reload_method),
        )


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register our options; one of the same name that is there already is used instead."""
    for option in service_opts:
        try:
            conf.register_opt(option)
        except cfg.DuplicateOptError:
            LOG.debug("option %s is registered already and used as it is", option.name)


def unregister_opts(conf: cfg.ConfigOpts) -> None:
    """Undo :func:`register_opts`."""
    conf.unregister_opts(service_opts)


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """The options that :func:`register_opts` registers, for oslo-config-generator."""
    return [(None, copy.deepcopy(service_opts))]


def _configure(service_manager: ServiceManager, conf: cfg.ConfigOpts) -> None:
    service_manager._graceful_shutdown_timeout = conf.graceful_shutdown_timeout
    _log_options(conf)


def _log_options(conf: cfg.ConfigOpts) -> None:
    if conf.log_options and LOG.isEnabledFor(logging.DEBUG):
        conf.log_opt_values(LOG, logging.DEBUG)


def _reload_manager(
    service_manager: ServiceManager, conf: cfg.ConfigOpts, reload_method: ReloadMethod
) -> None:
    _reread(conf, reload_method)
    _configure(service_manager, conf)


def _prepare_worker(
    conf: cfg.ConfigOpts,
    reload_method: ReloadMethod,
    service_id: ServiceId,
    worker_id: WorkerId,
    service: Service,
) -> None:
    """Runs in each new worker: let its ``reload()`` find the files re-read."""
    revive(conf)
    _log_options(conf)
    own_reload = service.reload
    if has_own_reload(service):
        service.reload = functools.partial(  # type: ignore[method-assign]
            _reload_worker, conf, reload_method, own_reload
        )


def _reload_worker(conf: cfg.ConfigOpts, reload_method: ReloadMethod, own_reload: Any) -> Any:
    _reread(conf, reload_method)
    _log_options(conf)
    return own_reload()


def _reread(conf: cfg.ConfigOpts, reload_method: ReloadMethod) -> None:
    try:
        if reload_method == "reload":
            conf.reload_config_files()
        elif reload_method == "mutate":
            conf.mutate_config_files()
    except (cfg.Error, OSError, ValueError, SystemExit) as error:
        LOG.error("configuration files not reloaded, the values stay: %s", error)
    except Exception:
        LOG.exception("a mutate hook failed; the values are taken over all the same")
