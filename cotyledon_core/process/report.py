"""How a worker reports that an external program takes over its process.

By a pipe of its own that the kernel closes when the program is executed. Just
before, the worker writes EXECUTING; a failure's text follows it. So the pipe's
end means success only if EXECUTING is all that was written: a worker that ends
earlier has written nothing.
"""

from __future__ import annotations

EXECUTING = "+"


def succeeded(report: str) -> bool:
    """Whether the program was executed, by what came through the pipe."""
    return report == EXECUTING


def error(report: str) -> str:
    """Why it was not, if that was reported."""
    return report.removeprefix(EXECUTING)
