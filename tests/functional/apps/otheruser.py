"""One worker becomes a user whose processes the manager may not signal, beside a calm one.

Argument: that user.
"""

import os
import sys

from support import Reloading, manager, watch


class Calm(Reloading):
    name = "calm"


class Gone(Reloading):
    """Another user's from its construction on."""

    name = "gone"

    def __init__(self, worker_id: int, user: int) -> None:
        os.setresuid(user, user, user)
        super().__init__(worker_id)


if __name__ == "__main__":
    made = manager(1)
    watch(made)
    made.add(Gone, args=(int(sys.argv[1]),))
    made.add(Calm)
    made.run()
