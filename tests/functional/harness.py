"""Runs an application under test and looks at it from outside.

An application is a script in ``apps``. It runs in a session of its own, under
``-W error``, and appends what its hooks and services saw to a file, one JSON
object a line: its *records*. A test waits for records and reads the process
table; it never looks at log text.

All processes of an application carry a mark in their environment, by which
they are found wherever they moved themselves, and ended when the test is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from tests.functional import procfs

APPS = Path(__file__).parent / "apps"
DEADLINE = float(os.environ.get("COTYLEDON_TEST_DEADLINE", "30"))
"""Seconds to wait for what must happen; only a failing test waits so long."""

_MARK = "COTYLEDON_TEST_RUN"
_PAUSE = 0.005

Found = TypeVar("Found")


class Record(dict[str, Any]):
    """What a process of the application noted; fields are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Application:
    """A running application; :meth:`close` ends whatever is left of it.

    :param script: the script's name in ``apps``, without suffix.
    :param arguments: the script's arguments; the first chooses the scenario.
    :param directory: for records and output; the current directory of the run.
    :param method: multiprocessing's start method for the workers.
    :param environment: added to the environment.
    :param files: written into the directory first.
    :param prefix: a command that runs the application, such as ``setpriv``.
    :param options: for ``subprocess.Popen``.
    """

    def __init__(
        self,
        script: str,
        *arguments: str,
        directory: Path,
        method: str = "fork",
        environment: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.method = method
        self.directory = directory
        self._mark = f"{_MARK}={uuid.uuid4()}"
        self._records_file = directory / "records"
        self._records_file.touch()
        self._read_until = 0
        self._records: dict[str | None, list[Record]] = defaultdict(list)
        self._gone: set[int] = set()
        for name, text in (files or {}).items():
            self.write(name, text)
        command = [*prefix, sys.executable, "-W", "error", str(APPS / f"{script}.py"), *arguments]
        with contextlib.ExitStack() as stack:
            for name in ("stdout", "stderr"):
                if name not in options:
                    options[name] = stack.enter_context((directory / name).open("wb"))
            options.setdefault("stdin", subprocess.DEVNULL)
            options.setdefault("start_new_session", True)
            self._popen = subprocess.Popen(
                command,
                cwd=directory,
                env=self._environment(environment or {}),
                **options,
            )
        self.pid = self._popen.pid

    def _environment(self, added: Mapping[str, str]) -> dict[str, str]:
        name, _, value = self._mark.partition("=")
        environment = {
            **os.environ,
            "PYTHONPATH": import_path(),
            "PYTHONDONTWRITEBYTECODE": "1",
            "START_METHOD": self.method,
            "RECORDS": str(self._records_file),
            # A process title overwrites the mark otherwise.
            "SPT_NOENV": "1",
            name: value,
            "NOTIFY_SOCKET": "",
            # With it a line is written in two pieces, and another worker's may come in between.
            "PYTHONUNBUFFERED": "",
            **added,
        }
        return {key: value for key, value in environment.items() if value}

    def write(self, name: str, text: str) -> None:
        """Put a file into the application's directory, whole or not at all."""
        draft = self.directory / f"{name}.draft"
        draft.write_text(text)
        draft.rename(self.directory / name)

    # What the application noted

    def records(self, event: str | None = None, **fields: Any) -> list[Record]:
        """The records so far, or those of an event with these fields, in order."""
        with self._records_file.open("rb") as file:
            file.seek(self._read_until)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read_until += len(whole)
        for line in whole.splitlines():
            record = Record(json.loads(line))
            self._records[None].append(record)
            self._records[record.event].append(record)
        return [record for record in self._records[event] if _has(record, fields)]

    def wait_for(self, event: str, count: int = 1, **fields: Any) -> list[Record]:
        """Wait until there are so many of these records; return all that there are."""

        def found() -> list[Record] | None:
            records = self.records(event, **fields)
            return records if len(records) >= count else None

        return self.until(found, f"{count} x {event} {fields or ''}")

    def wait_for_one(self, event: str, **fields: Any) -> Record:
        """Wait for the first of these records."""
        return self.wait_for(event, **fields)[0]

    def wait_for_later(self, moment: float, event: str, **fields: Any) -> Record:
        """Wait for one of these records that is later than a monotonic time."""

        def found() -> Record | None:
            records = self.records(event, **fields)
            return records[-1] if records and records[-1].at > moment else None

        return self.until(found, f"a later {event} {fields or ''}")

    def until(self, found: Callable[[], Found | None], what: str) -> Found:
        """Wait until ``found`` returns something true, and return it."""
        deadline = time.monotonic() + DEADLINE
        while True:
            ended = self.ended
            result = found()
            if result:
                return result
            if ended or time.monotonic() > deadline:
                why = "the application has ended" if ended else f"{DEADLINE} s are over"
                raise AssertionError(f"waited for {what}: {why}\n{self.report()}")
            time.sleep(_PAUSE)

    # Workers, as the applications' recording services tell of them

    def workers(self, **fields: Any) -> dict[tuple[str, int], int]:
        """The living workers that run: their pids by service name and worker id."""
        found = {}
        for record in self.records("run", **fields):
            if record.pid not in self._gone:
                if procfs.alive(record.pid):
                    found[record.service, record.worker_id] = record.pid
                else:
                    self._gone.add(record.pid)
        return found

    def wait_for_workers(self, count: int, **fields: Any) -> dict[tuple[str, int], int]:
        """Wait until exactly so many workers run."""

        def found() -> tuple[dict[tuple[str, int], int]] | None:
            workers = self.workers(**fields)
            return (workers,) if len(workers) == count else None

        return self.until(found, f"{count} running workers {fields or ''}")[0]

    def wait_for_replacement(self, pid: int, worker: tuple[str, int]) -> int:
        """Wait until another process runs as this worker; return its pid."""
        return self.wait_for_replacements({worker: pid})[worker]

    def wait_for_replacements(
        self, workers: Mapping[tuple[str, int], int]
    ) -> dict[tuple[str, int], int]:
        """Wait until other processes run as these workers; return all that run."""

        def found() -> dict[tuple[str, int], int] | None:
            running = self.workers()
            replaced = all(running.get(worker, pid) != pid for worker, pid in workers.items())
            return running if replaced else None

        return self.until(found, f"replacements of {dict(workers)}")

    # Processes

    @property
    def manager(self) -> int:
        """The manager's pid, which differs from ``pid`` behind a prefix that stays."""
        records = self.records("manager")
        return records[0].pid if records else self.pid

    @property
    def ended(self) -> bool:
        """Whether nothing of the application is left."""
        return self._popen.poll() is not None and not self.living()

    def living(self) -> list[procfs.Process]:
        """All living processes of the application, wherever they moved themselves."""
        mark = self._mark.encode()
        return [
            process
            for process in procfs.table()
            if process.alive and mark in procfs.environment(process.pid)
        ]

    def wait_until_gone(self, *except_for: int) -> None:
        """Wait until no process of the application is left but these."""
        deadline = time.monotonic() + DEADLINE
        while {process.pid for process in self.living()} - set(except_for):
            if time.monotonic() > deadline:
                raise AssertionError(f"still there: {self._tell_living()}\n{self.report()}")
            time.sleep(_PAUSE)

    def wait_for_end_of(self, pid: int) -> None:
        """Wait until this process has ended."""
        self.until(lambda: not procfs.alive(pid), f"the end of {pid}")

    def wait_for_state(self, pid: int, state: str) -> None:
        """Wait until the process is in this state, such as ``T`` for stopped."""
        self.until(lambda: procfs.read(pid).state == state, f"state {state} of {pid}")

    def send(self, number: int) -> None:
        """Send a signal to the manager."""
        os.kill(self.manager, number)

    def wait(self) -> int:
        """Wait for the end of the application's first process; return its status."""
        try:
            return self._popen.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end\n{self._tell_living()}\n{self.report()}") from None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal to the manager; return its status once nothing is left."""
        self.send(number)
        status = self.wait()
        self.wait_until_gone()
        return status

    def close(self) -> None:
        """End what is left, without mercy."""
        while self._popen.poll() is None or self.living():
            for process in self.living():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            if self._popen.poll() is None:
                self._popen.kill()
            time.sleep(_PAUSE)

    # For people

    def output(self, name: str = "stderr") -> str:
        """What the application wrote to a standard stream."""
        file = self.directory / name
        return file.read_text(errors="replace") if file.exists() else ""

    def report(self) -> str:
        """The end of the records and of the error output."""
        records = "\n".join(str(record) for record in self.records()[-30:])
        return f"--- records\n{records}\n--- stderr\n{self.output()[-3000:]}"

    def _tell_living(self) -> str:
        lines = []
        for process in self.living():
            with contextlib.suppress(OSError):
                lines.append(f"{process} {procfs.title(process.pid)}")
        return "\n".join(lines)


Launch = Callable[..., Application]
"""What the fixture ``launch`` gives: makes an :class:`Application`."""


def _has(record: Record, fields: Mapping[str, Any]) -> bool:
    return all(record.get(name) == value for name, value in fields.items())


def import_path() -> str:
    """Where the applications find the package that the tests find."""
    chosen = os.environ.get("COTYLEDON_TEST_PACKAGE")
    if chosen is None:
        spec = find_spec("cotyledon_core")
        if spec is None or spec.origin is None:
            raise AssertionError("cotyledon_core cannot be imported")
        chosen = str(Path(spec.origin).parents[1])
    return os.pathsep.join(path for path in (chosen, os.environ.get("PYTHONPATH")) if path)
