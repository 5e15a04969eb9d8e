"""The wall clock jumps by an hour, back and forth, whenever something happens."""

import itertools
import time
from typing import Any

from support import Recording, manager, record, sleep_long

import cotyledon_core as cotyledon

OFFSETS = itertools.cycle([3600, 0, -3600, 0])
offset = 0
true_time = time.time


def jump(*arguments: Any) -> None:
    global offset
    offset = next(OFFSETS)


class Crashing(Recording):
    name = "crashing"

    def run(self) -> None:
        super().run()
        jump()
        raise SystemExit(1)


class Endless(Recording):
    """Does not end by itself."""

    name = "endless"
    graceful_shutdown_timeout = 1

    def terminate(self) -> None:
        super().terminate()
        jump()
        sleep_long()


class Noting(cotyledon.Notifier):
    blocking = False

    def notify(self, event: cotyledon.Event) -> None:
        record(**event.as_dict())
        jump()


if __name__ == "__main__":
    time.time = lambda: true_time() + offset
    made = manager(30)
    made.add_notifier(Noting())
    made.register_hooks(jump, jump, jump, jump)
    made.add(Crashing)
    made.add(Endless)
    made.run()
