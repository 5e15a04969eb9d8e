"""Reads circus's file as circus does: the first value of a key counts, names have a case."""

from __future__ import annotations

import configparser
import glob
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from cotyledon_core.conversion.reading import checked, read_into

T = TypeVar("T")

MAIN, WATCHER = "circus", "watcher:"
_VARIABLE = re.compile(r"\$\(circus\.([\w.\-]+)\)|\(\(circus\.([\w.\-]+)\)\)", re.IGNORECASE)


class CircusFile:
    """The sections of a file and of those that it includes.

    :param path: the file.
    :param environ: what ``$(circus.env.name)`` stands for.
    :raises ConfigurationError: if one of them cannot be read.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._sections: dict[str, dict[str, str]] = {}
        self._files: dict[str, Path] = {}
        self.path = path
        self._environ = environ
        self.taken: set[str] = set()
        """Names that were expanded from the environment."""
        self.missing_includes: list[str] = []
        self._read(path)
        for key, tail in (("include", ""), ("include_dir", "*.ini")):
            for pattern in self.raw(MAIN, key).split():
                self._include(pattern, path.absolute().parent / pattern / tail)

    def _include(self, pattern: str, path: Path) -> None:
        found = sorted(glob.glob(str(path)))
        for name in found:
            self._read(Path(name))
        if not found:
            self.missing_includes.append(pattern)

    def _read(self, path: Path) -> None:
        parser = configparser.RawConfigParser(
            strict=False, inline_comment_prefixes=(";",), default_section="\0"
        )
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        read_into(parser, path)
        for section in parser.sections():
            self._files.setdefault(section, path)
            known = self._sections.setdefault(section, {})
            for key, value in parser.items(section):
                known.setdefault(key, value)

    def sections(self, prefix: str = "") -> Iterator[str]:
        """The names that begin so, in the order of the file."""
        return (name for name in self._sections if name.startswith(prefix))

    def keys(self, section: str) -> list[str]:
        """The keys of a section; none if there is no such section."""
        return list(self._sections.get(section, ()))

    def place(self, section: str, key: str) -> str:
        """Where a key stands, for an error."""
        return f"{self._files.get(section, self.path)}: [{section}] {key}"

    def raw(self, section: str, key: str) -> str:
        """The value as it stands; empty if there is none."""
        return self._sections.get(section, {}).get(key, "")

    def get(self, section: str, key: str, /, **names: object) -> str:
        """The value with everything expanded that is known; empty if there is none.

        :param names: further names that ``$(circus.name)`` may have.
        """
        return self._expanded(self.raw(section, key), self.environment(section, **names), names)

    def convert(self, section: str, key: str, convert: Callable[[str], T], default: T) -> T:
        """The value that the text stands for."""
        if key not in self.keys(section):
            return default
        return checked(self.place(section, key), convert, self.get(section, key))

    def environment(self, section: str, /, **names: object) -> dict[str, str]:
        """The variables that the file sets for a watcher; one may refer to what it replaces."""
        own = self._environment_of(section)
        return {
            name: self._expanded(value, {each: own[each] for each in own if each != name}, names)
            for name, value in own.items()
        }

    def _environment_of(self, section: str) -> dict[str, str]:
        name = section.removeprefix(WATCHER)
        found = dict(self._sections.get("env", {}))
        for each in self.sections("env:"):
            patterns = each.removeprefix("env:").split(",")
            if any(fnmatchcase(name, pattern.strip()) for pattern in patterns):
                found.update(self._sections[each])
        return found

    def _expanded(self, text: str, own: Mapping[str, str], names: Mapping[str, object]) -> str:
        inherited = {name.lower(): value for name, value in self._environ.items()}
        known = {name.lower(): value for name, value in own.items()}

        def value(match: re.Match[str]) -> str:
            name = str(match[1] or match[2]).lower()
            variable = name.removeprefix("env.")
            if variable == name:
                return str(names.get(name, match[0]))
            if variable not in known and variable in inherited:
                self.taken.add(match[0])
            return known.get(variable, inherited.get(variable, match[0]))

        return _VARIABLE.sub(value, text)
