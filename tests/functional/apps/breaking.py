"""A manager whose loop fails with an error of the system at the first SIGHUP."""

from __future__ import annotations

import errno

from contained import Hosted
from support import Reloading, manager

from cotyledon_core.runtime.loop import Loop
from cotyledon_core.supervision import messages as msg

deliver = Loop.deliver


def break_down(loop: Loop, message: msg.Message) -> None:
    if isinstance(message, msg.AskReload):
        raise OSError(errno.ENOSPC, "no space")
    deliver(loop, message)


if __name__ == "__main__":
    Loop.deliver = break_down  # type: ignore[method-assign]
    made = manager()
    made.add_notifier(Hosted())
    made.add(Reloading, 2)
    made.run()
