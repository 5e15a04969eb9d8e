"""Workers that can be held back before any of their own code has run."""

import multiprocessing
import os

from support import Reloading, gate, manager, record, wait_at, watch


class Web(Reloading):
    name = "web"


def be_born() -> None:
    if os.path.exists(gate("newborn")):
        record("newborn")
        wait_at("newborn")


if __name__ == "__main__":
    if os.environ["START_METHOD"] == "fork":
        os.register_at_fork(after_in_child=be_born)
    elif os.environ["START_METHOD"] == "forkserver":
        multiprocessing.set_forkserver_preload([])
    made = manager()
    watch(made)
    made.add(Web, 2)
    made.run()
else:
    be_born()
