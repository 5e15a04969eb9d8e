"""Runs a command as a child and adopts its orphans, as some containers do."""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
child = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
status = None
while True:
    try:
        pid, ended = os.wait()
    except ChildProcessError:
        break
    if pid == child.pid:
        status = os.waitstatus_to_exitcode(ended)
sys.exit(0 if status is None else abs(status))
