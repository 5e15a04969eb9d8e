"""Signals by their names, and handlers for them."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

Handler = Callable[[int, Any], Any]


class SignalExit(SystemExit):
    """A signal ends the process.

    :param signo: its number.
    :param exccode: the exit status.
    """

    def __init__(self, signo: int, exccode: int = 1) -> None:
        super().__init__(exccode)
        self.signo = signo


class Singleton(type):
    """Makes classes of which there is one instance."""

    _instances: dict[type, Any] = {}  # noqa: RUF012 - filled, on purpose, for all
    _lock = threading.RLock()

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        with cls._lock:
            if cls not in cls._instances:
                cls._instances[cls] = super().__call__(*args, **kwargs)
        return cls._instances[cls]


class SignalHandler(metaclass=Singleton):
    """Several handlers for a signal; the last that was added is called first."""

    def __init__(self) -> None:
        self._signals_by_name = {number.name: number for number in signal.Signals}
        self.signals_to_name = {number: name for name, number in self._signals_by_name.items()}
        self._signal_handlers: defaultdict[int, list[Handler]] = defaultdict(list)

    def is_signal_supported(self, sig_name: str) -> bool:
        """Whether the platform has a signal of that name."""
        return sig_name in self._signals_by_name

    def add_handlers(self, signals: Iterable[str], handler: Handler) -> None:
        """Add a handler for each of these signals."""
        for name in signals:
            self.add_handler(name, handler)

    def add_handler(self, sig: str, handler: Handler) -> None:
        """Add a handler, on the main thread; nothing happens where there is no such signal.

        :param sig: such as ``SIGTERM``.
        """
        if not self.is_signal_supported(sig):
            return
        number = self._signals_by_name[sig]
        self._signal_handlers[number].append(handler)
        signal.signal(number, self._handle_signal_cb)

    def ignore_handler(self, sig: str) -> None:
        """Have the signal ignored, and forget its handlers."""
        number = self._signals_by_name[sig]
        signal.signal(number, signal.SIG_IGN)
        self._signal_handlers.pop(number, None)

    def clear(self) -> None:
        """Forget all handlers; their signals do what they do by default."""
        for number in self._signal_handlers:
            signal.signal(number, signal.SIG_DFL)
        self._signal_handlers.clear()

    def _handle_signal_cb(self, signo: int, frame: Any) -> None:
        for handler in reversed(self._signal_handlers.get(signo, [])):
            handler(signo, frame)


def is_daemon() -> bool:
    """Whether this process is not in the foreground of a terminal."""
    try:
        return os.getpgrp() != os.tcgetpgrp(sys.stdout.fileno())
    except io.UnsupportedOperation:
        return True
    except OSError as error:
        return error.errno == errno.ENOTTY


def is_sighup_and_daemon(signo: int, signal_handler: SignalHandler) -> bool:
    """Whether the signal asks a daemon to reload."""
    known = signal_handler.is_signal_supported("SIGHUP")
    return known and signo == signal.SIGHUP and is_daemon()
