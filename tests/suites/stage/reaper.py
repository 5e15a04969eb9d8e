"""Runs a command and reaps what it leaves behind, as the system's process 1 should do.

In a container nobody may do it, and then tests see processes that have ended.
"""

import ctypes
import os
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
child = subprocess.Popen(sys.argv[1:])
pid = None
while pid != child.pid:
    pid, status = os.wait()
os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
