"""Workers that reload in place (web) and workers that SIGHUP replaces (batch).

Arguments: the grace period, the number of web workers, of batch workers.
"""

import sys

from support import Recording, Reloading, manager, watch

import cotyledon_core as cotyledon


class Web(Reloading):
    name = "web"


class Batch(Recording):
    name = "batch"


def main(grace: int, web: int, batch: int) -> None:
    made: cotyledon.ServiceManager = manager(grace)
    watch(made)
    if web:
        made.add(Web, web)
    if batch:
        made.add(Batch, batch)
    made.run()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
