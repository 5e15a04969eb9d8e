"""A service in the process that launches it, with handlers for its signals."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Any, NoReturn

from cotyledon_core.compat.oslo_service._in_process import reread
from cotyledon_core.oslo_config_glue import ReloadMethod

LOG = logging.getLogger(__name__)


class Foreground:
    """The part of a launcher that runs one service in this process.

    SIGTERM stops it, within ``graceful_shutdown_timeout``; SIGINT ends the
    process at once; SIGHUP has the configuration read again and the service
    follow, in place.
    """

    conf: Any
    restart_method: ReloadMethod
    signal_handler: Any = None
    service: Any = None
    _restarts = 0
    _reload_asked = _reloading = False

    def add_signal_handlers(self) -> None:
        """Handle the signals of a service that runs here."""
        self.signal_handler.clear()
        self.signal_handler.add_handler("SIGTERM", self._graceful_shutdown)
        self.signal_handler.add_handler("SIGINT", self._fast_exit)
        self.signal_handler.add_handler("SIGHUP", self._reload_service)
        self.signal_handler.add_handler("SIGALRM", self._on_alarm_exit)

    def _run_here(self, service: Any) -> None:
        LOG.info("no_fork: running the service in this process")
        self.service = service
        service.start()
        restarts = -1
        while restarts != self._restarts:
            restarts = self._restarts
            service.wait()

    def _reload_service(self, *args: Any) -> None:
        """In place, one after the other: a signal handler may be interrupted by another signal."""
        self._reload_asked = True
        if self._reloading:
            return
        self._reloading = True
        try:
            while self._reload_asked:
                self._reload_asked = False
                self._reload_once()
        finally:
            self._reloading = False

    def _reload_once(self) -> None:
        """The service starts again, or goes on with what has changed."""
        LOG.info("reading the configuration again, by %s", self.restart_method)
        try:
            reread(self.conf, self.restart_method)
        except Exception as error:
            LOG.error("configuration files not reloaded, the values stay: %s", error)
        if self.service is None:
            return
        if self.restart_method == "reload":
            # whoever waits for it goes on to wait for what is started now
            self._restarts += 1
            self.service.stop()
            self.service.reset()
            self.service.start()
        else:
            self.service.reset()

    def _graceful_shutdown(self, *args: Any) -> None:
        LOG.info("Graceful shutdown start")
        self.signal_handler.ignore_handler("SIGTERM")
        timeout = self.conf.graceful_shutdown_timeout
        if timeout and self.signal_handler.is_signal_supported("SIGALRM"):
            signal.alarm(timeout)
        if self.service is not None:
            self.service.stop()
        LOG.info("Graceful shutdown finish")
        _exit(0)

    def _fast_exit(self, *args: Any) -> None:
        LOG.info("Caught SIGINT signal, instantaneous exiting")
        _exit(1)

    def _on_alarm_exit(self, *args: Any) -> None:
        LOG.info("Graceful shutdown timeout exceeded, instantaneous exiting")
        _exit(1)


def _exit(status: int) -> NoReturn:
    """End the process at once, from a signal handler, with what it has said."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    os._exit(status)
