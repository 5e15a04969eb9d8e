"""The application's hooks in a new worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cotyledon_core.exceptions import shown
from cotyledon_core.worker import ending
from cotyledon_core.worker.assignment import Assignment


def run_hooks(assignment: Assignment, service: Any, tell: Callable[[str], None]) -> None:
    """Call them in their order; one that fails is the last.

    :param tell: tells the manager a line of sd_notify's.
    """
    try:
        for hook in assignment.new_worker_hooks:
            hook(assignment.service_id, assignment.worker_id, service)
    except Exception as error:
        ending.log_exception(f"a new_worker hook of {assignment.worker_name}", error)
        tell(f"X_HOOK_FAILED={shown(error)}")
