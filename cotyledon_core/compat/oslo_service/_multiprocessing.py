"""Processes that start from nothing, without a change of multiprocessing's global choice."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import SpawnContext
from multiprocessing.pool import Pool
from typing import Any

__all__ = ("get_spawn_context", "get_spawn_pool")


def get_spawn_context() -> SpawnContext:
    """The multiprocessing context of the start method ``spawn``."""
    return multiprocessing.get_context("spawn")


def get_spawn_pool(
    processes: int | None = None,
    initializer: Callable[..., Any] | None = None,
    init_args: tuple[Any, ...] = (),
    max_tasks_per_child: int | None = None,
) -> Pool:
    """A pool of such processes.

    :param processes: how many; as many as there are processors unless given.
    :param initializer: called in each with ``init_args`` when it starts.
    :param max_tasks_per_child: tasks after which a process is replaced; None is without bound.
    """
    return get_spawn_context().Pool(processes, initializer, init_args, max_tasks_per_child)
