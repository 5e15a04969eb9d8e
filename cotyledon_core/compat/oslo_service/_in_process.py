"""Services in the process that launches them, each started on a thread."""

from __future__ import annotations

import logging
import threading
from typing import Any

from cotyledon_core.compat.oslo_service._wrapper import check_restart_method, check_service
from cotyledon_core.compat.oslo_service.threadgroup import ThreadGroup

LOG = logging.getLogger(__name__)


class Services:
    """Services that are started, stopped, waited for and restarted together.

    :param restart_method: what :meth:`restart` does: ``reload`` stops them and starts them
        again, ``mutate`` lets them run; their ``reset()`` is called in either case.
    """

    def __init__(self, restart_method: str = "reload") -> None:
        check_restart_method(restart_method)
        self.restart_method = restart_method
        self.services: list[Any] = []
        self.tg = ThreadGroup()
        self.done = threading.Event()
        self._over = threading.Event()
        self._failed = False

    def add(self, service: Any) -> None:
        """Start a service."""
        self.services.append(service)
        self._launch(service)

    def stop(self) -> None:
        """Stop all services."""
        self._stop_services()
        self._over.set()

    def wait(self) -> None:
        """Wait until all services have been stopped.

        :raises SystemExit: with status 1 if one could not be started; the others are stopped.
        """
        self._over.wait()
        if self._failed:
            self._stop_services()
        for service in self.services:
            service.wait()
        self.tg.wait()
        if self._failed:
            raise SystemExit(1)

    def restart(self) -> None:
        """Have all services take over a changed configuration."""
        if self.restart_method == "reload":
            self._stop_services()
            self.done = threading.Event()
        for service in self.services:
            service.reset()
            if self.restart_method == "reload":
                self._launch(service)

    def _launch(self, service: Any) -> None:
        self.tg.add_thread(self._start, service, self.done)

    def _stop_services(self) -> None:
        for service in self.services:
            service.stop()
        self.done.set()
        self.tg.stop()

    def _start(self, service: Any, done: threading.Event) -> None:
        try:
            self.run_service(service, done)
        except SystemExit:
            self._failed = True
            self._over.set()

    @staticmethod
    def run_service(service: Any, done: threading.Event) -> None:
        """Start a service and wait for ``done``.

        :raises SystemExit: with status 1 if it cannot be started.
        """
        try:
            service.start()
        except Exception:
            LOG.exception("Error starting service thread.")
            raise SystemExit(1) from None
        done.wait()


class Launcher:
    """Launches services in this process.

    :param conf: the application's ``oslo_config.cfg.ConfigOpts``.
    :param restart_method: ``reload`` or ``mutate``, for the files and the :class:`Services`.
    """

    def __init__(self, conf: Any, restart_method: str = "reload") -> None:
        self.conf = conf
        self.services = Services(restart_method=restart_method)
        self.backdoor_port = None
        self.restart_method = restart_method

    def launch_service(self, service: Any, workers: int | None = 1) -> None:
        """Start a service.

        :param workers: 1 or None; there is one process.
        """
        if workers not in (None, 1):
            raise ValueError("Launcher asked to start multiple workers")
        check_service(service)
        self.services.add(service)

    def stop(self) -> None:
        """Stop all services."""
        self.services.stop()

    def wait(self) -> None:
        """Wait until all services have been stopped; see :meth:`Services.wait`."""
        self.services.wait()

    def restart(self) -> None:
        """Read the configuration files again, and restart the services."""
        reread(self.conf, self.restart_method)
        self.services.restart()


def reread(conf: Any, restart_method: str) -> None:
    """Have ``conf`` read its files again; ``mutate`` takes over mutable options only."""
    if restart_method == "reload":
        conf.reload_config_files()
    else:
        conf.mutate_config_files()
