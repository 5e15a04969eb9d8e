"""``shutdown()`` where there is no fork; the argument says from where."""

import sys
import threading

from support import Recording, manager

if __name__ == "__main__":
    made = manager()
    made.add(Recording)
    if sys.argv[1] == "before_run":
        made.shutdown()
    else:
        threading.Timer(0.2, made.shutdown).start()
    made.run()
