"""Stops all threads of a process, as a debugger does (ptrace(2)), until it is ended.

Arguments: the pid, then ``reaping`` if it shall notice the process's end.
"""

import ctypes
import os
import sys
import time

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
WALL = 0x40000000  # __WALL: threads, too.


def ptrace(request: int, thread: int) -> None:
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    call.restype = ctypes.c_long
    if call(request, thread, None, None) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def main(pid: str, reaping: str = "") -> None:
    threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    try:
        for thread in threads:
            ptrace(PTRACE_SEIZE, thread)
            ptrace(PTRACE_INTERRUPT, thread)
    except OSError as error:
        print(f"refused: {error}", flush=True)
        return
    for thread in threads:
        os.waitpid(thread, WALL)
    print("stopped", flush=True)
    while reaping:
        try:
            os.waitpid(-1, WALL)
        except ChildProcessError:
            break
    time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
