"""A server that a trial needs, for as long as it needs it."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.errors import Unavailable
from lab.ports import answers, free_port

BOOT = 60.0
"""Seconds that a server may take to answer."""


class Server:
    """A process in the foreground, with a directory of its own, that answers on a port.

    As root it is run by an unprivileged user: PostgreSQL refuses root.
    """

    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.port = free_port()
        self._user = "nobody" if os.getuid() == 0 else None
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._temporary = tempfile.TemporaryDirectory(prefix="programs-server-")
        self.directory = Path(self._temporary.name)
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        try:
            self.start()
            self._wait()
        except PermissionError as error:
            self._close()
            raise Unavailable(f"the user {self._user} cannot read the cache: {error}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def start(self) -> None:
        """Launch what has to run."""
        raise NotImplementedError

    def launch(
        self, arguments: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process that ends with the server."""
        with (self._log).open("ab") as log:
            process = subprocess.Popen(
                [str(argument) for argument in arguments],
                cwd=self.directory,
                env={**os.environ, "HOME": str(self.directory), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    @property
    def _log(self) -> Path:
        return self.directory.with_suffix(".log")

    def _wait(self) -> None:
        deadline = time.monotonic() + BOOT
        while not answers(self.port):
            ended = self._started[-1].poll() is not None
            if ended or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")[-2000:]
                raise Unavailable(f"{type(self).__name__} does not start: {log}")
            time.sleep(0.1)

    def _close(self) -> None:
        for process in reversed(self._started):
            process.send_signal(self.stop_signal)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._temporary.cleanup()
        self._log.unlink(missing_ok=True)
