"""Makes this interpreter look like one on a platform without fork.

Python imports a module of this name at its start, in every process.
"""

import os
import signal
import sys

for _module in ("fcntl", "resource", "pwd"):
    sys.modules[_module] = None  # type: ignore[assignment]
for _name in ("fork", "waitid", "register_at_fork"):
    delattr(os, _name)
for _name in ("SIGHUP", "SIGCHLD", "SIGALRM"):
    delattr(signal, _name)
