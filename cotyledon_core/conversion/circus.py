"""Makes our configuration of circus's ``.ini`` file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from cotyledon_core.conversion import notes, reading
from cotyledon_core.conversion.circus_file import MAIN, WATCHER, CircusFile
from cotyledon_core.conversion.draft import Draft, Process, Section, joined
from cotyledon_core.exceptions import ConfigurationError

STOP_SECONDS = 30
MAX_AGE_VARIANCE = 30
CONSUMED = frozenset(
    (
        *("cmd", "args", "shell", "numprocesses", "working_dir", "uid", "gid", "copy_env"),
        *("send_hup", "stop_signal", "graceful_timeout", "max_age", "max_age_variance"),
        *("respawn", "autostart", "priority", "max_retry"),
    )
)


def convert(path: Path, environ: Mapping[str, str]) -> Draft:
    """
    :param path: circus's file.
    :param environ: what ``$(circus.env.name)`` stands for.
    :raises ConfigurationError: with a line for each fault.
    """
    return _Conversion(CircusFile(path, environ)).convert()


class _Conversion:
    def __init__(self, file: CircusFile) -> None:
        self._file = file
        self._draft = Draft()
        self._stop_seconds = [STOP_SECONDS]

    def convert(self) -> Draft:
        faults: list[str] = []
        watchers = self._watchers(faults)
        if not watchers and not faults:
            faults.append(f"{self._file.path}: has no [watcher:NAME]; nothing is to be run")
        for section in watchers:
            try:
                self._convert_watcher(section)
            except ConfigurationError as error:
                faults += error.faults
        if faults:
            raise ConfigurationError(faults)
        self._note_others()
        self._draft.set_grace(STOP_SECONDS, max(self._stop_seconds))
        return self._draft

    def _watchers(self, faults: list[str]) -> list[str]:
        """In the order in which circus starts them: the greatest priority first."""
        priorities = {}
        for section in self._file.sections(WATCHER):
            if not section.removeprefix(WATCHER).strip():
                place = self._file.place(section, "").rstrip()
                faults.append(f"{place}: has no name; it must be [{WATCHER}NAME]")
                continue
            try:
                priorities[section] = self._file.convert(section, "priority", reading.whole, 0)
            except ConfigurationError as error:
                faults += error.faults
        return sorted(priorities, key=lambda section: -priorities[section])

    def _note_others(self) -> None:
        file, manager = self._file, self._draft.manager
        for key in file.keys(MAIN):
            manager.note(f"[{MAIN}] {key}", notes.of(key, file.raw(MAIN, key), notes.CIRCUS))
        for section in file.sections():
            manager.note(f"[{section}]", notes.of_circus_section(section))
        for pattern in file.missing_includes:
            manager.note(f"include {pattern}", "no file of this name was found")
        if file.taken:
            text = "stands here with the value that it has where this file was made"
            manager.note(joined(sorted(file.taken)), text)
        for section in file.sections(WATCHER):
            if not file.convert(section, "copy_env", reading.boolean, False):
                manager.note("copy_env", notes.CLEAN_ENVIRONMENT)

    # -- watchers

    def _convert_watcher(self, section: str) -> None:
        file, name = self._file, section.removeprefix(WATCHER)
        for service in self._draft.add(name, list(self._processes(section, name))):
            self._set_rest(section, service)
            self._set_limits(section, service)
            for key in file.keys(section):
                if key not in CONSUMED and not key.startswith("rlimit_"):
                    service.note(key, _note_of(key, file.raw(section, key)))
            if "circus.sockets." in file.get(section, "cmd") + file.get(section, "args"):
                service.set("workers", 0)
                service.note("$(circus.sockets.…)", notes.SOCKETS)

    def _processes(self, section: str, name: str) -> Iterator[Process]:
        file = self._file
        number = file.convert(section, "numprocesses", reading.count, 1)
        place = file.place(section, "cmd")
        if "cmd" not in file.keys(section):
            raise ConfigurationError([f"{place}: is missing"])
        known = {key: file.raw(section, key) for key in file.keys(section)}
        for process in range(1, max(number, 1) + 1):
            names: dict[str, object] = {**known, "wid": process, "numprocesses": number}
            words = (file.get(section, key, **names) for key in ("cmd", "args"))
            command = " ".join(filter(None, words)).replace("$WID", str(process))
            if file.convert(section, "shell", reading.boolean, False):
                command = f"/bin/sh -c {shlex.quote(command)}"
            yield Process(
                f"{name}-{process}",
                reading.checked(place, reading.command_line, command),
                file.environment(section, **names),
                file.get(section, "working_dir", **names) or None,
            )

    def _set_rest(self, section: str, service: Section) -> None:
        file = self._file
        if not file.convert(section, "autostart", reading.boolean, True):
            service.set("workers", 0)
            service.note("autostart", notes.AUTOSTART)
        elif not file.convert(section, "numprocesses", reading.count, 1):
            service.set("workers", 0)
        for key, option in (("uid", "user"), ("gid", "group")):
            if value := file.get(section, key):
                service.set(option, value)
        if umask := file.convert(MAIN, "umask", reading.octal, ""):
            service.set("umask", umask)
        if signal := file.convert(section, "stop_signal", reading.signal_name, ""):
            service.set("stop_signal", signal)
        if file.convert(section, "send_hup", reading.boolean, False):
            service.set("reload_signal", "HUP")
        wait = max(file.convert(section, "graceful_timeout", reading.seconds, STOP_SECONDS), 1)
        if wait != STOP_SECONDS:
            service.set("graceful_shutdown_timeout", wait)
            self._stop_seconds.append(wait)
        if "priority" in file.keys(section):
            service.note("priority", notes.PRIORITY)

    def _set_limits(self, section: str, service: Section) -> None:
        file = self._file
        respawn = file.convert(section, "respawn", reading.boolean, True)
        service.set("restart_policy", "always" if respawn else "never")
        if "max_retry" in file.keys(section):
            service.note("max_retry", notes.CIRCUS_RETRIES)
        limits = [
            f"{key.removeprefix('rlimit_').upper()}:{file.get(section, key) or 'unlimited'}"
            for key in file.keys(section)
            if key.startswith("rlimit_")
        ]
        if limits:
            service.set("rlimits", ",".join(limits))
        if age := file.convert(section, "max_age", reading.count, 0):
            variance = file.convert(section, "max_age_variance", reading.count, MAX_AGE_VARIANCE)
            service.set("max_lifetime", age)
            service.set("recycle_jitter", f"{variance / age:g}")


def _note_of(key: str, value: str) -> str:
    if key.startswith(("stdout_stream", "stderr_stream")):
        return notes.OUTPUT
    if key.startswith("hooks."):
        return notes.HOOK
    return notes.of(key, value, notes.WATCHER)
