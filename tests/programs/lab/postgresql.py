"""A PostgreSQL server with an empty database."""

from __future__ import annotations

import signal
from pathlib import Path

from lab.debian import unpacked
from lab.errors import Unavailable
from lab.server import Server


class PostgreSQL(Server):
    """The machine's own PostgreSQL, or Debian's from the cache."""

    # "Fast shutdown": does not wait for clients.
    stop_signal = signal.SIGINT

    def __init__(self, cache: Path) -> None:
        super().__init__()
        installed = _programs(Path("/"))
        if installed:
            self._bin, self._environment = installed, {}
        else:
            root = unpacked("postgresql", cache)
            found = _programs(root)
            if not found:
                raise Unavailable(f"no PostgreSQL in {root}")
            libraries = ":".join(str(path) for path in root.glob("usr/lib/*-linux-gnu*"))
            self._bin, self._environment = found, {"LD_LIBRARY_PATH": libraries}

    def start(self) -> None:
        data = self.directory / "data"
        initdb = [self._bin / "initdb", "-D", data, "-U", "trial", "-A", "trust", "-E", "UTF8"]
        made = self.launch([*initdb, "--locale=C", "--no-sync"], self._environment)
        if made.wait():
            raise Unavailable(f"initdb failed: {self._log.read_text(errors='replace')[-2000:]}")
        self._started.remove(made)
        options = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self.directory}",
            "fsync=off",
        ]
        words = [word for option in options for word in ("-c", option)]
        self.launch([self._bin / "postgres", "-D", data, *words], self._environment)

    def url(self, driver: str = "postgresql+psycopg2") -> str:
        """The database, for SQLAlchemy."""
        return f"{driver}://trial@127.0.0.1:{self.port}/postgres"


def _programs(root: Path) -> Path | None:
    """The directory of the newest PostgreSQL's programs."""
    found = [path.parent for path in root.glob("usr/lib/postgresql/*/bin/postgres")]
    return max(found, key=lambda path: int(path.parent.name), default=None)
