"""Services that serve on sockets that they were given."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from oslo_config import cfg
from support import main, manager, record, watch

import cotyledon_core as cotyledon


def listening() -> list[str]:
    """Where this process could accept: the addresses of all its sockets that listen."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as copy:
                if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    found.append(shown(copy))
        except OSError:
            continue
    return sorted(found)


def shown(opened: socket.socket) -> str:
    name = opened.getsockname()
    return os.path.basename(name) if isinstance(name, str) else str(name)


class Web(cotyledon.Service):
    """Answers each connection with its pid."""

    name = "web"

    def __init__(self, worker_id: int) -> None:
        # before our own __init__: it is there from the very beginning
        self.given = {
            name: [shown(each) for each in self.sockets.all(name)] for name in self.sockets
        }
        super().__init__(worker_id)
        record(
            "serving",
            service=self.name,
            worker_id=worker_id,
            given=self.given,
            listening=listening(),
            inheritable=[each.get_inheritable() for each in self.sockets.values()],
            environment=sorted(name for name in os.environ if name.startswith(("LISTEN", "FDST"))),
        )

    def run(self) -> None:
        if self.sockets:
            self._serve(self.sockets["http"])

    def _serve(self, opened: socket.socket) -> None:
        while True:
            accepted, _ = opened.accept()
            with accepted:
                accepted.sendall(str(os.getpid()).encode())
                # the next one is another worker's
                accepted.recv(1)


class Other(Web):
    """Asks for none."""

    name = "other"

    def reload(self) -> None:
        pass


def listen(*names: str) -> None:
    """Have the manager listen on ``own.sock``, and services ask for these sockets."""
    made = manager()
    watch(made)
    made.listen("own", os.path.abspath("own.sock"), mode="600")
    made.add(Web, 2, sockets=names)
    made.add(Other)
    made.run()


def unasked() -> None:
    """What is passed is left to the program."""
    made = manager()
    own = socket.socket(fileno=3)
    made.add(Keeper, args=(own,))
    made.run()


class Keeper(Other):
    """Was given a socket by the program itself."""

    def __init__(self, worker_id: int, own: socket.socket) -> None:
        super().__init__(worker_id)
        record("kept", own=shown(own))


def late() -> None:
    """Services are added while the manager runs."""
    made = manager()
    made.listen("own", os.path.abspath("own.sock"))

    def add(name: str) -> None:
        try:
            made.add(Web, sockets=("own", name), name=name)
        except cotyledon.ConfigurationError as error:
            record("refused", text=str(error))
        else:
            record("added", name=name)

    def obey(*_: Any) -> None:
        add(Path("name").read_text())

    made.register_hooks(on_reload=obey)
    made.add(Other)
    made.run()


def configured(path: str) -> None:
    """A configuration says what the program's own service asks for."""
    conf = cfg.ConfigOpts()
    conf(["--config-file", path], project="application")
    made = manager(conf=conf)
    made.add_notifier(Told())
    made.add(Web, name="web")
    made.run()


class Told(cotyledon.Notifier):
    """Notes what becomes of reloads."""

    blocking = False

    def notify(self, event: cotyledon.Event) -> None:
        if isinstance(event, cotyledon.events.ManagerReloaded | cotyledon.events.ReloadFailed):
            fields = event.as_dict()
            record(fields.pop("event"), **fields)


if __name__ == "__main__":
    main({function.__name__: function for function in (listen, unasked, late, configured)})
    sys.exit()
