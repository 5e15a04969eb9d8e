"""Launching services in worker processes, or in this one."""

from __future__ import annotations

import copy
import logging
import multiprocessing
import threading
import warnings
from multiprocessing.reduction import ForkingPickler
from typing import Any

from oslo_config import cfg

from cotyledon_core.compat import cotyledon
from cotyledon_core.compat.oslo_service import _options, opts
from cotyledon_core.compat.oslo_service._foreground import Foreground
from cotyledon_core.compat.oslo_service._in_process import Launcher, Services
from cotyledon_core.compat.oslo_service._service import Service
from cotyledon_core.compat.oslo_service._signals import (
    SignalExit,
    SignalHandler,
    Singleton,
)
from cotyledon_core.compat.oslo_service._signals import (
    is_daemon as _is_daemon,
)
from cotyledon_core.compat.oslo_service._signals import (
    is_sighup_and_daemon as _is_sighup_and_daemon,
)
from cotyledon_core.compat.oslo_service._wrapper import (
    ServiceWrapper,
    check_restart_method,
    check_service,
    service_name,
)
from cotyledon_core.compat.oslo_service.backend.base import ServiceBase
from cotyledon_core.oslo_config_glue import ReloadMethod
from cotyledon_core.worker.travelling import fault

__all__ = [
    "Launcher",
    "ProcessLauncher",
    "Service",
    "ServiceBase",
    "ServiceLauncher",
    "ServiceWrapper",
    "Services",
    "SignalExit",
    "SignalHandler",
    "Singleton",
    "_is_daemon",
    "_is_sighup_and_daemon",
    "launch",
    "list_opts",
]

LOG = logging.getLogger(__name__)


def list_opts() -> list[tuple[str | None, list[cfg.Opt]]]:
    """The options of services, for oslo-config-generator."""
    return [(None, copy.deepcopy(_options.service_opts))]


class _ManagingLauncher:
    """Launches services in worker processes, under one manager.

    The manager is made with the first service, before that nothing happens.
    """

    def __init__(self, conf: Any, restart_method: ReloadMethod, start_method: str | None) -> None:
        check_restart_method(restart_method)
        self.conf = conf
        self.restart_method: ReloadMethod = restart_method
        opts.register_service_opts(conf)
        self.start_method = start_method
        self._lock = threading.Lock()
        self._manager: Any = None
        self._manager_context: Any = None
        self._status: int | None = None
        """The exit status, as soon as all has ended."""

    def _launch(self, service: Any, workers: Any) -> None:
        with self._lock:
            if self._manager is None:
                self._manager_context = _select_service_manager_context(
                    service, self.conf, self.start_method
                )
                self._manager = self._make_manager()
            elif self._manager_context.get_start_method() == "spawn":
                _check_spawn_picklable(service, self.conf)
        options = {"reload_strategy": "rolling"} if self.restart_method == "reload" else {}
        self._manager.add(
            ServiceWrapper, workers, args=(service,), name=service_name(service), **options
        )

    def _make_manager(self) -> Any:
        manager = cotyledon.ServiceManager(
            mp_context=self._manager_context,
            graceful_shutdown_timeout=self.conf.graceful_shutdown_timeout,
            conf=self.conf,
        )
        cotyledon.oslo_config_glue.link(manager, self.conf, reload_method=self.restart_method)
        return manager

    def _run(self) -> int:
        """Supervise until the end, if that has not come; the exit status."""
        if self._manager is None:
            return 0
        if self._status is None:
            self._status = self._supervise()
        return self._status

    def _supervise(self) -> int:
        try:
            self._manager.run()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        return 0

    def stop(self) -> None:
        """Stop all workers, and wait for their end unless called by the thread that waits."""
        if self._manager is not None:
            self._manager.shutdown()

    def restart(self) -> None:
        """Have the configuration files read again and the services follow, as SIGHUP does."""
        if self._manager is not None:
            self._manager.reload()


class ServiceLauncher(_ManagingLauncher):
    """Launches services in worker processes.

    :param conf: the application's ``oslo_config.cfg.ConfigOpts``. Its sections ``[cotyledon]``
        and ``[service:NAME]`` are followed, NAME being the service's ``name`` or its class's.
    :param restart_method: what SIGHUP does: ``reload`` reads the files again and replaces the
        workers a few at a time; ``mutate`` takes over mutable options, in this process and in
        the workers, and calls ``reset()`` there.
    :param start_method: ``fork``, ``spawn``, or None for fork where there is one.
    """

    def __init__(
        self, conf: Any, restart_method: ReloadMethod = "reload", start_method: str | None = None
    ) -> None:
        super().__init__(conf, restart_method, start_method)
        self.backdoor_port = None

    def launch_service(self, service_instance: Any, workers: int = 1) -> None:
        """Launch a service.

        :param workers: how many worker processes.
        """
        check_service(service_instance)
        if not isinstance(workers, int) or workers < 1:
            raise ValueError("Number of workers must be >= 1")
        service_instance.backdoor_port = self.backdoor_port
        self._launch(service_instance, workers)

    def wait(self) -> int:
        """Supervise the workers until this process is told to stop.

        :returns: the exit status that is due, 0 after a graceful stop.
        """
        return self._run()


class ProcessLauncher(Foreground, _ManagingLauncher):
    """Launches services in worker processes, or in this one.

    See :class:`ServiceLauncher` for the other parameters.

    :param wait_interval: deprecated, and has no effect.
    :param no_fork: run the one service in this process, with handlers for its signals.
    """

    def __init__(
        self,
        conf: Any,
        wait_interval: float | None = None,
        restart_method: ReloadMethod = "reload",
        no_fork: bool = False,
        start_method: str | None = None,
    ) -> None:
        super().__init__(conf, restart_method, start_method)
        self.no_fork = no_fork
        if no_fork:
            self.signal_handler = SignalHandler()
            self.add_signal_handlers()
        if wait_interval is not None:
            warnings.warn(
                "'wait_interval' is deprecated and has no effect; leave it out",
                DeprecationWarning,
                stacklevel=2,
            )

    def launch_service(self, service: Any, workers: int = 1) -> None:
        """Launch a service; with ``no_fork``, run it until it is done.

        :param workers: how many worker processes.
        """
        check_service(service)
        if self.no_fork:
            self._run_here(service)
        else:
            self._launch(service, workers)

    def wait(self) -> int:
        """Supervise the workers until this process is told to stop.

        :returns: 0.
        :raises SystemExit: with the exit status, if that is another.
        """
        status = 0 if self.no_fork else self._run()
        if status:
            raise SystemExit(status)
        return status

    def stop(self) -> None:
        """Stop the workers, or the service that runs here."""
        LOG.info("Stopping service")
        if self.no_fork and self.service is not None:
            self.service.stop()
        super().stop()

    def restart(self) -> None:
        if self.no_fork:
            self._reload_service()
        else:
            super().restart()


def launch(
    conf: Any,
    service: Any,
    workers: int | None = 1,
    restart_method: ReloadMethod = "reload",
    no_fork: bool = False,
    start_method: str | None = None,
) -> ServiceLauncher | ProcessLauncher:
    """Launch a service.

    :param conf: see :class:`ServiceLauncher`, as for the others.
    :param service: has ``start``, ``stop``, ``wait`` and ``reset``.
    :param workers: how many worker processes; None is 1.
    :param no_fork: run it in this process, until it is done.
    :returns: the launcher; call its ``wait()``.
    """
    workers = 1 if workers is None else workers
    if not isinstance(workers, int):
        raise TypeError("Type of workers should be int!")
    if workers <= 0:
        raise ValueError("Number of workers should be positive!")
    launcher: ServiceLauncher | ProcessLauncher
    if workers == 1 and not no_fork:
        launcher = ServiceLauncher(conf, restart_method=restart_method, start_method=start_method)
    else:
        launcher = ProcessLauncher(
            conf, restart_method=restart_method, no_fork=no_fork, start_method=start_method
        )
    launcher.launch_service(service, workers=workers)
    return launcher


def _select_service_manager_context(
    service_instance: Any, conf: Any = None, start_method: str | None = None
) -> Any:
    """The multiprocessing context for the workers.

    :raises ValueError: for a start method that is not fork or spawn, or is not to be had.
    """
    available = multiprocessing.get_all_start_methods()
    if start_method not in (None, "fork", "spawn"):
        raise ValueError(f"Invalid start_method {start_method!r}; expected 'fork' or 'spawn'")
    method = start_method or ("fork" if "fork" in available else "spawn")
    if method not in available:
        raise ValueError(
            f"Multiprocessing start method {method!r} is not available on this platform"
        )
    if method == "spawn":
        _check_spawn_picklable(service_instance, conf)
    return multiprocessing.get_context(method)


def _check_spawn_picklable(service_instance: Any, conf: Any = None) -> None:
    """Raises what keeps the service or its configuration from travelling to a worker."""
    try:
        ForkingPickler.dumps((service_instance, conf))
    except Exception:
        name = service_name(service_instance)
        faults = filter(None, (fault(service_instance, name), fault(conf, "its configuration")))
        LOG.error("service %s cannot be started by spawn: %s", name, "; ".join(faults))
        raise
