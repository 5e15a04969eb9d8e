"""The end of a worker process.

Full interpreter finalisation is left out, it waits for threads and costs many
times what matters: exit callbacks and finalizers of this process run, logging
and the standard streams are flushed, and the process ends at once, whatever
its other threads do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from atexit import _run_exitfuncs as run_exit_callbacks
from typing import NoReturn

from cotyledon_core.process import multiprocessing_child

DESCENDANTS_PATIENCE = 0.2
"""Seconds that what an orphaned worker has started has to obey SIGTERM."""


def exit_status(error: SystemExit) -> int:
    """The exit status that SystemExit stands for; a text is printed.

    As ``sys.exit`` documents it: None is 0, an int is itself, anything else is
    printed to standard error and is 1.
    """
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with contextlib.suppress(Exception):
        sys.stderr.write(f"{error.code}\n")
    return 1


def log_manager_death(worker: str, pid: int) -> None:
    """Log why the worker ends, where nobody else will."""
    import logging

    logging.getLogger("cotyledon_core.worker").info(
        "Parent process has died unexpectedly, %s [%d] exiting", worker, pid
    )


def log_exception(what: str, error: BaseException) -> None:
    """Log an exception of the application's."""
    import logging

    with contextlib.suppress(Exception):
        logging.getLogger("cotyledon_core.worker").error(
            "Unhandled exception in %s", what, exc_info=error
        )


def mute_stderr() -> None:
    """Nobody reads standard error any more: what is written to it shall not fail."""
    with contextlib.suppress(OSError):
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, 2)
        os.close(null_device)


def end_descendants() -> None:
    """End what this process has started, daemons aside."""
    if not hasattr(os, "pidfd_open"):
        return
    from cotyledon_core.process import remnants

    held = remnants.Held()
    held.hold(remnants.below([os.getpid()], os.getsid(0)))
    held.send(signal.SIGTERM)
    remnants.see_off(held, DESCENDANTS_PATIENCE)


def end(status: int) -> NoReturn:
    """End this process; from any thread."""
    for finish in (run_exit_callbacks, multiprocessing_child.finish, _finish_logging):
        try:
            finish()
        except BaseException as error:
            log_exception("exit callbacks", error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass
    os._exit(status)


def _finish_logging() -> None:
    # another thread may just be loading it
    shut_down = getattr(sys.modules.get("logging"), "shutdown", None)
    if shut_down is not None:
        shut_down()
