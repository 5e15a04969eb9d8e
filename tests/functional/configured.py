"""``cotyledon run`` with a configuration that the test changes; see ``apps/reconfigured.py``."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from tests.functional import procfs
from tests.functional.harness import Launch, Record

FILE = "test.conf"
RESULTS = ("manager_reloaded", "reload_failed")

Sections = dict[str, dict[str, Any]]
Pids = dict[tuple[str, int], int]


def sections(
    changes: Mapping[str, Any] | None = None, /, **services: Mapping[str, Any]
) -> Sections:
    """A configuration of these services, each of the type ``valued`` unless it says otherwise.

    :param changes: to [cotyledon].
    """
    made: Sections = {
        "cotyledon": {"services": ", ".join(services), "notifiers": "events", **(changes or {})}
    }
    for name, options in services.items():
        made[f"service:{name}"] = {"service_type": "valued", **options}
    return made


def text(configuration: Sections) -> str:
    lines = []
    for section, options in configuration.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in options.items() if value is not None]
    return "\n".join([*lines, ""])


class Running:
    """The application, and what it is configured to run."""

    def __init__(
        self,
        launch: Launch,
        configuration: Sections,
        *command: str,
        method: str = "fork",
        wait: bool = True,
        **options: Any,
    ) -> None:
        if method != "fork":
            configuration["cotyledon"]["start_method"] = method
        self.application = launch(
            "reconfigured",
            *(command or ("run",)),
            "--config-file",
            FILE,
            files={FILE: text(configuration)},
            method=method,
            **options,
        )
        if wait:
            self.application.wait_for("manager_ready")

    def write(self, configuration: Sections | str) -> None:
        given = configuration if isinstance(configuration, str) else text(configuration)
        self.application.write(FILE, given)

    def results(self) -> list[Record]:
        return [record for record in self.application.records() if record.event in RESULTS]

    def reload(self, configuration: Sections | str | None = None) -> Record:
        """Change the file, have it read; return the event that tells the result."""
        if configuration is not None:
            self.write(configuration)
        before = len(self.results())
        self.application.send(signal.SIGHUP)
        self.application.until(lambda: len(self.results()) > before, "the result of a reload")
        return self.results()[-1]

    def succeed(self, configuration: Sections | None = None) -> Record:
        """The same, for a reload that must go well."""
        result = self.reload(configuration)
        assert result.event == "manager_reloaded", result
        return result

    def fail(self, configuration: Sections | str | None = None) -> Record:
        """The same, for one that must not."""
        result = self.reload(configuration)
        assert result.event == "reload_failed", result
        return result

    # -- workers

    def pids(self, *services: str) -> Pids:
        """The workers that are ready, of these services or all."""
        ready = self.application.records("worker_ready")
        return {
            (record.service, record.worker_id): record.pid
            for record in ready
            if (not services or record.service in services) and procfs.alive(record.pid)
        }

    def wait_for_counts(self, **counts: int) -> Pids:
        """Wait until exactly so many workers of each service are ready, and no others live."""
        wanted = {(name, number) for name, count in counts.items() for number in range(count)}

        def found() -> tuple[Pids] | None:
            pids = self.pids()
            return (pids,) if pids.keys() == wanted and self._alone(pids) else None

        return self.application.until(found, str(counts))[0]

    def _alone(self, pids: Pids) -> bool:
        born = {record.pid for record in self.application.records("worker_spawned")}
        return {pid for pid in born if procfs.alive(pid)} == set(pids.values())

    def wait_for_back_off(self, service: str) -> None:
        """Wait until a worker of the service waits longer than a test for its next start."""

        def found() -> bool:
            told = self.application.records("worker_restarting", service=service)
            return any(record.delay > 1000 for record in told)

        self.application.until(found, f"back-off of {service}")

    def values(self, event: str = "value", field: str = "value") -> dict[int, Any]:
        """What the processes noted last, by pid."""
        return {record.pid: record[field] for record in self.application.records(event)}

    def seen(self, pids: Pids, *events: str) -> list[tuple[str, str]]:
        """The values that each of these workers has last noted in such an event."""
        last = {}
        for record in self.application.records():
            if record.event in events:
                last[record.pid] = (record.fixed, record.soft)
        return [last[pid] for pid in pids.values() if pid in last]

    def stop(self) -> None:
        """End it, well."""
        assert self.application.stop() == 0
