"""What programs use of Cotyledon's private helpers."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from cotyledon_core.arguments import check_callable, check_workers
from cotyledon_core.process.signals import SIGALRM, SIGHUP
from cotyledon_core.process.title import program_name as get_process_name
from cotyledon_core.process.title import set_title as set_process_title
from cotyledon_core.worker import ending

__all__ = [
    "SIGALRM",
    "SIGCHLD",
    "SIGHUP",
    "check_callable",
    "check_workers",
    "exit_on_exception",
    "get_process_name",
    "run_hooks",
    "set_process_title",
    "signal_to_name",
    "spawn",
    "spawn_process",
]

LOG = logging.getLogger(__name__)
SIGCHLD = getattr(signal, "SIGCHLD", None)


def signal_to_name(number: int) -> str:
    """The signal's name, or its number as a text if it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def spawn(target: Callable[..., Any], *args: Any, **kwargs: Any) -> threading.Thread:
    """Call ``target`` in a daemon thread."""
    thread = threading.Thread(target=target, args=args, kwargs=kwargs, daemon=True)
    thread.start()
    return thread


def spawn_process(target: Callable[..., Any], ctx: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Call ``target`` in a process.

    :param ctx: the multiprocessing context that makes it.
    """
    import multiprocessing

    process = (ctx or multiprocessing).Process(target=target, args=args, kwargs=kwargs)
    process.start()
    return process


def run_hooks(name: str, hooks: Iterable[Callable[..., Any]], *args: Any, **kwargs: Any) -> None:
    """Call hooks in their order, until one raises; that is logged.

    :param name: of the hooks' kind, for the log.
    """
    try:
        for hook in hooks:
            hook(*args, **kwargs)
    except Exception:
        LOG.exception("Exception raised during %s hooks", name)


@contextlib.contextmanager
def exit_on_exception() -> Iterator[None]:
    """End the process if the block raises."""
    try:
        yield
    except SystemExit as error:
        os._exit(ending.exit_status(error))
    except BaseException:
        LOG.exception("Unhandled exception")
        os._exit(2)
