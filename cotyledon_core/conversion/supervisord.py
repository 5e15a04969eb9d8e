"""Makes our configuration of supervisord's.

What a program has no key for is left to our default, but for what would act
differently: how long a stop may take, and which ends are clean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cotyledon_core.conversion import notes, reading
from cotyledon_core.conversion.draft import Draft, Process, Section, joined, set_retries
from cotyledon_core.conversion.supervisord_file import SupervisordFile
from cotyledon_core.exceptions import ConfigurationError

MAIN = "supervisord"
PROGRAM, GROUP = "program:", "group:"
PRIORITY, STOP_SECONDS = 999, 10
CONSUMED = frozenset(
    (
        *("command", "process_name", "numprocs", "numprocs_start", "priority", "autostart"),
        *("autorestart", "startsecs", "startretries", "exitcodes", "stopsignal"),
        *("stopwaitsecs", "user", "directory", "umask", "environment"),
    )
)


class Program(NamedTuple):
    """A section that is to become services, as part of a group or not."""

    section: str
    name: str
    group: str
    priority: tuple[int, int]


def convert(path: Path, environ: Mapping[str, str]) -> Draft:
    """
    :param path: supervisord's file.
    :param environ: what ``%(ENV_name)s`` stands for.
    :raises ConfigurationError: with a line for each fault.
    """
    return _Conversion(SupervisordFile(path, environ)).convert()


class _Conversion:
    def __init__(self, file: SupervisordFile) -> None:
        self._file = file
        self._draft = Draft()
        self._faults: list[str] = []
        self._environment: dict[str, str] = {}
        self._stop_seconds = [STOP_SECONDS]

    def convert(self) -> Draft:
        with self._collected():
            self._convert_main()
        programs = self._programs()
        for program in programs:
            with self._collected():
                self._convert_program(program)
        if not programs and not self._faults:
            self._faults.append(f"{self._file.path}: has no [program:NAME]; nothing is to be run")
        if self._faults:
            raise ConfigurationError(self._faults)
        self._note_others()
        self._draft.set_grace(STOP_SECONDS, max(self._stop_seconds))
        return self._draft

    @contextmanager
    def _collected(self) -> Iterator[None]:
        """One fault does not hide the next."""
        try:
            yield
        except ConfigurationError as error:
            self._faults += error.faults

    # -- what concerns all

    def _convert_main(self) -> None:
        file, manager = self._file, self._draft.manager
        self._environment = file.environment(MAIN)
        file.add_to_environment(self._environment)
        if identifier := file.get(MAIN, "identifier"):
            manager.set("name", identifier)
        for key in file.keys(MAIN):
            manager.note(f"[{MAIN}] {key}", notes.of(key, file.raw(MAIN, key), notes.SUPERVISORD))

    def _note_others(self) -> None:
        file, manager = self._file, self._draft.manager
        for section in file.sections():
            manager.note(f"[{section}]", notes.of_section(section))
        for pattern in file.missing_includes:
            manager.note(f"[include] files {pattern}", "no file of this name was found")
        if file.taken:
            manager.note(
                joined(f"%({name})s" for name in sorted(file.taken)),
                "stands here with the value that it has where this file was made",
            )
        if not any("startretries" in file.keys(each) for each in file.sections(PROGRAM)):
            manager.note("startretries", notes.DEFAULT_RETRIES)

    # -- programs

    def _programs(self) -> list[Program]:
        """In the order in which supervisord starts them."""
        found = list(self._grouped())
        grouped = {program.section for program in found}
        for section in self._file.sections(PROGRAM):
            if section not in grouped:
                name = section.removeprefix(PROGRAM).strip()
                if not name:
                    place = self._file.place(section, "").rstrip()
                    self._faults.append(f"{place}: has no name; it must be [{PROGRAM}NAME]")
                    continue
                priority = self._priority(section)
                found.append(Program(section, name, name, (priority, priority)))
        return sorted(found, key=lambda program: program.priority)

    def _grouped(self) -> Iterator[Program]:
        file = self._file
        for section in file.sections(GROUP):
            group = section.removeprefix(GROUP).strip()
            for name in (file.raw(section, "programs") or "").replace(",", " ").split():
                own = f"{PROGRAM}{name}"
                if own in file.sections():
                    priorities = self._priority(section), self._priority(own)
                    yield Program(own, name, group, priorities)
                elif f"fcgi-program:{name}" not in file.sections():
                    self._faults.append(f"{file.place(section, 'programs')}: there is no [{own}]")

    def _priority(self, section: str) -> int:
        with self._collected():
            return self._file.convert(section, "priority", reading.whole, PRIORITY)
        return PRIORITY

    def _convert_program(self, program: Program) -> None:
        file, section = self._file, program.section
        processes = list(self._processes(program))
        services = self._draft.add(program.name, processes)
        for service in services:
            self._set_rest(section, service)
            self._set_restarts(section, service, len(processes) // len(services))
            if program.group != program.name:
                service.note(f"[{GROUP}{program.group}]", notes.GROUP)
            for key in file.keys(section):
                if key not in CONSUMED:
                    service.note(key, notes.of(key, file.raw(section, key), notes.PROGRAM))

    def _processes(self, program: Program) -> Iterator[Process]:
        file, section = self._file, program.section
        number = file.convert(section, "numprocs", reading.count, 1)
        first = file.convert(section, "numprocs_start", reading.whole, 0)
        if file.raw(section, "command") is None:
            raise ConfigurationError([f"{file.place(section, 'command')}: is missing"])
        for process in range(first, first + max(number, 1)):
            names: dict[str, object] = {
                "program_name": program.name,
                "group_name": program.group,
                "process_num": process,
                "numprocs": number,
            }
            yield self._process(program, names)

    def _process(self, program: Program, names: dict[str, object]) -> Process:
        file, section = self._file, program.section
        own = file.environment(section, **names)
        names.update({f"ENV_{name}": value for name, value in own.items()})
        command = file.get(section, "command", **names) or ""
        return Process(
            file.get(section, "process_name", **names) or program.name,
            reading.checked(file.place(section, "command"), reading.command_line, command),
            {**self._environment, **own},
            file.get(section, "directory", **names) or file.get(MAIN, "directory"),
        )

    def _set_rest(self, section: str, service: Section) -> None:
        file = self._file
        if not file.convert(section, "autostart", reading.boolean, True):
            service.set("workers", 0)
            service.note("autostart", notes.AUTOSTART)
        elif not file.convert(section, "numprocs", reading.count, 1):
            service.set("workers", 0)
        for key in ("user", "umask"):
            source = section if file.raw(section, key) else MAIN
            read = reading.octal if key == "umask" else str.strip
            if value := file.convert(source, key, read, ""):
                service.set(key, value)
        if signal := file.convert(section, "stopsignal", reading.signal_name, ""):
            service.set("stop_signal", signal)
        if file.raw(section, "stopwaitsecs") is not None:
            wait = max(file.convert(section, "stopwaitsecs", reading.seconds, 0), 1)
            service.set("graceful_shutdown_timeout", wait)
            self._stop_seconds.append(wait)
        if file.raw(section, "priority") is not None:
            service.note("priority", notes.PRIORITY)

    def _set_restarts(self, section: str, service: Section, workers: int) -> None:
        file = self._file
        mode = file.convert(section, "autorestart", _autorestart, "unexpected")
        codes = file.convert(section, "exitcodes", _exit_codes, ["0"])
        healthy = file.convert(section, "startsecs", reading.count, 1)
        retries = file.convert(section, "startretries", reading.count, 0)
        if mode == "never":
            service.set("restart_policy", "never")
            service.note("autorestart", notes.NEVER)
        elif "startretries" in file.keys(section):
            set_retries(service, retries, workers, healthy)
            service.note("startretries", notes.RETRIES)
            if mode == "unexpected":
                service.set("restart_prevent_status", joined(codes))
        else:
            service.set("restart_policy", "on-failure" if mode == "unexpected" else "always")
        service.set("restart_healthy_after", healthy)
        if mode != "always" or "exitcodes" in file.keys(section):
            service.set("clean_exit_status", joined(codes))


def _autorestart(text: str) -> str:
    """``always``, ``never`` or ``unexpected``."""
    if text.strip().lower() == "unexpected":
        return "unexpected"
    try:
        return "always" if reading.boolean(text) else "never"
    except ValueError:
        raise ValueError(f"{text!r} is wrong: true, false or unexpected is needed") from None


def _exit_codes(text: str) -> list[str]:
    codes = [code.strip() for code in text.split(",") if code.strip()]
    if not all(code.isdigit() and int(code) <= 255 for code in codes):
        raise ValueError(f"{text!r} is wrong: exit codes from 0 to 255 are needed")
    return codes
