"""Our configuration while it is being written, with notes about what has no equal in it.

A note never has a value in it: those of the environment may be secret.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

WIDTH = 96
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._@-]+")


class Section:
    """One section.

    :param name: with its prefix, such as ``service:web``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._options: dict[str, str] = {}
        self._notes: dict[str, str] = {}

    def set(self, key: str, value: object) -> None:
        """Set an option to a value that stands for itself."""
        self._options[key] = escaped(str(value))

    def set_default(self, key: str, value: object) -> None:
        """Set an option unless it is set."""
        if key not in self._options:
            self.set(key, value)

    def note(self, key: str, text: str) -> None:
        """Say of a key of the original what has become of it; nothing without a text."""
        if text:
            self._notes.setdefault(key, text)

    def __bool__(self) -> bool:
        return bool(self._options or self._notes)

    def lines(self) -> Iterator[str]:
        """The section as it stands in a file."""
        yield f"[{self.name}]"
        for key, text in self._notes.items():
            yield from textwrap.wrap(
                f"{key}: {text}",
                WIDTH,
                initial_indent="# note: ",
                subsequent_indent="#   ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        for key, value in self._options.items():
            yield f"{key} = {value}".rstrip()


class Process(NamedTuple):
    """One process as the original describes it."""

    name: str
    command: str
    environment: Mapping[str, str]
    directory: str | None


class Draft:
    """The whole configuration."""

    def __init__(self) -> None:
        self.default = Section("DEFAULT")
        self.manager = Section("cotyledon")
        self.services: list[Section] = []
        self._names: set[str] = set()

    def add(self, name: str, processes: list[Process]) -> list[Section]:
        """Add what runs these processes: one service, or one for each if they differ.

        :param name: the original's; it is changed if it cannot be ours.
        :param processes: one at least.
        """
        if len({(p.command, *p.environment.items(), p.directory) for p in processes}) == 1:
            sections = [self._add(name, processes[0], len(processes))]
        else:
            sections = [self._add(process.name, process, 1) for process in processes]
            for section in sections:
                section.note(name, "its processes differ, so that each is a service of its own")
        return sections

    def _add(self, name: str, process: Process, workers: int) -> Section:
        section = Section(f"service:{self._free_name(name)}")
        self.services.append(section)
        section.set("service_type", "command")
        set_command(section, process.command)
        section.set("workers", workers)
        set_environment(section, process.environment)
        if process.directory:
            section.set("directory", process.directory)
        return section

    def _free_name(self, wanted: str) -> str:
        plain = _NOT_IN_NAMES.sub("-", wanted).lstrip("._@-") or "service"
        name, number = plain, 1
        while name.lower() in self._names:
            number += 1
            name = f"{plain}-{number}"
        self._names.add(name.lower())
        return name

    def set_grace(self, default: int, longest: int) -> None:
        """Set how long a stop may take.

        :param default: seconds, of a service for which nothing is set.
        :param longest: seconds, of all services.
        """
        self.default.set("graceful_shutdown_timeout", longest)
        for section in self.services if longest > default else ():
            section.set_default("graceful_shutdown_timeout", default)

    def render(self, source: str) -> str:
        """The text of the file.

        :param source: what it was made from, for the reader.
        """
        names = (section.name.partition(":")[2] for section in self.services)
        self.manager.set("services", ", ".join(names))
        head = [
            f"# Made by cotyledon convert from {source}.",
            "# Each note below is about something that has no equal here, or a different one.",
        ]
        sections = [each for each in (self.default, self.manager, *self.services) if each]
        blocks = (head, *(list(section.lines()) for section in sections))
        return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def set_command(section: Section, command: str) -> None:
    """Set the program and its arguments, quoted as for a shell.

    It is quoted anew where the file would not keep it: line breaks end a value, and a backslash
    before a dollar sign cannot be written.
    """
    argv = shlex.split(command)
    command = command.strip()
    if not _keeps(command, argv):
        command = " ".join(shlex.quote(word).replace("\\$", "\\''$") for word in argv)
    if any(len(word.splitlines()) > 1 for word in argv):
        section.note("command", "its line breaks stay, but no blanks that follow them")
        command = "\n    ".join(filter(None, map(str.strip, command.splitlines())))
    section.set("command", command)


def _keeps(command: str, argv: Sequence[str]) -> bool:
    """Whether the file would hold the words as they are written."""
    if len(command.splitlines()) > 1 or "\\$" in command:
        return False
    try:
        return shlex.split(command) == argv
    except ValueError:
        return False  # a blank at the end was part of a word


def set_environment(section: Section, variables: Mapping[str, str]) -> None:
    """Set what is added to the environment, and name what cannot be written."""
    written = {name: _entry(name, value) for name, value in variables.items()}
    if usable := [entry for entry in written.values() if entry]:
        section.set("environment", ",".join(usable))
    for name in (name for name, entry in written.items() if not entry):
        section.note(
            f"environment {name}",
            "its value cannot be written here; set it in the environment of the manager",
        )


def _entry(name: str, value: str) -> str | None:
    """``NAME:VALUE``, with quotes if it takes any; None if nothing reads back as it was."""
    from cotyledon_core.conversion.reading import environment_type

    if len(f"{value}.".splitlines()) > 1 or "\\$" in value:
        return None
    for quote in ("", '"', "'"):
        entry = f"{name}:{quote}{value}{quote}"
        try:
            if environment_type()(f"{entry},=:x") == {name: value, "=": "x"}:
                return entry
        except ValueError:
            continue
    return None


def escaped(value: str) -> str:
    """As oslo.config reads it back: it replaces ``$name``, and takes away quotes around all."""
    value = value.replace("$", "$$")
    if value and value[0] == value[-1] and value[0] in "\"'":
        return f'"{value}"'
    return value


def set_retries(section: Section, retries: int, workers: int, healthy_after: float) -> None:
    """Give up where the original does: after so many starts that fail one after the other.

    The period is what supervisord takes for them, which waits 1, 2, 3, ... seconds in between.
    """
    waits = retries * (retries + 1) / 2
    section.set("restart_policy", "limited")
    section.set("limited_max_restarts", min(retries * workers, 1000))
    section.set("limited_period", f"{waits + (retries + 1) * max(healthy_after, 1):g}")
    section.set("restart_delay", 1)
    section.set("restart_delay_factor", 1)


def joined(values: Iterable[object]) -> str:
    """A list as one value."""
    return ", ".join(map(str, values))
