"""A manager that may not have as many processes as it wants.

Argument: the number of workers. SIGUSR1 lifts the limit, SIGUSR2 sets it to one.
"""

import resource
import signal
import sys
from typing import Any

from support import Recording, manager


class Web(Recording):
    name = "web"


def limit_processes(soft: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    resource.setrlimit(resource.RLIMIT_NPROC, (soft if soft else hard, hard))


def lift(*arguments: Any) -> None:
    limit_processes(0)


def lower(*arguments: Any) -> None:
    limit_processes(1)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lift)
    signal.signal(signal.SIGUSR2, lower)
    made = manager(2)
    made.add(Web, int(sys.argv[1]))
    made.run()
