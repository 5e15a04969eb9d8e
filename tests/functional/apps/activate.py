"""Stands in for systemd's socket activation: ``activate.py NAMES COMMAND…``.

Listens on a Unix socket ``NAME.sock`` for each name, with colons in between, in the current
directory, and executes the command with them. With ``LISTEN_PID`` in the environment, that is what
it is told.
"""

from __future__ import annotations

import os
import socket
import sys

FIRST = 3


def main(names: str, *command: str) -> None:
    opened = []
    for number, name in enumerate(names.split(":")):
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path = f"{name.replace('/', '-')}.sock"
        made.bind(path if not os.path.exists(path) else f"{number}.{path}")
        made.listen()
        opened.append(made)
    # out of the way first
    copies = [os.dup2(made.fileno(), 100 + number) for number, made in enumerate(opened)]
    for number, copy in enumerate(copies):
        os.dup2(copy, FIRST + number, inheritable=True)
        os.set_inheritable(copy, False)
    os.environ.setdefault("LISTEN_PID", str(os.getpid()))
    os.environ["LISTEN_FDS"] = str(len(opened))
    os.environ["LISTEN_FDNAMES"] = names
    os.execvp(command[0], command)


main(*sys.argv[1:])
