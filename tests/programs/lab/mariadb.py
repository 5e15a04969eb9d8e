"""A MariaDB server with an empty database."""

from __future__ import annotations

from pathlib import Path

from lab.debian import unpacked
from lab.errors import Unavailable
from lab.server import Server

USER = """CREATE DATABASE trial;
CREATE USER trial@'127.0.0.1';
GRANT ALL ON trial.* TO trial@'127.0.0.1';
"""


class MariaDB(Server):
    """Debian's MariaDB from the cache."""

    def __init__(self, cache: Path) -> None:
        super().__init__()
        self._root = unpacked("mariadb-server", cache)
        libraries = ":".join(str(path) for path in self._root.glob("usr/lib/*-linux-gnu*"))
        self._environment = {"LD_LIBRARY_PATH": libraries}

    def start(self) -> None:
        data = self.directory / "data"
        base = self._root / "usr"
        options = ["--no-defaults", f"--datadir={data}", f"--basedir={base}"]
        script = [base / "bin/mariadb-install-db", *options]
        made = self.launch([*script, "--auth-root-authentication-method=normal"], self._environment)
        if made.wait():
            raise Unavailable(f"mariadb-install-db failed: {self._log.read_text()[-2000:]}")
        self._started.remove(made)
        begin = self.directory / "begin.sql"
        begin.write_text(USER)
        options += [
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            f"--socket={self.directory}/socket",
            f"--init-file={begin}",
            f"--lc-messages-dir={base}/share/mysql",
            f"--plugin-dir={base}/lib/mysql/plugin",
            "--innodb-flush-log-at-trx-commit=0",
        ]
        self.launch([base / "sbin/mariadbd", *options], self._environment)

    def url(self, driver: str = "mysql+pymysql") -> str:
        """The database, for SQLAlchemy."""
        return f"{driver}://trial@127.0.0.1:{self.port}/trial"
