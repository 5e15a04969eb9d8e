"""Which keys really stand where: the files and the environment as they are.

oslo.config looks up what is registered and nothing else, so it never sees a key
that it does not know. Its own parser reads the files here once more, for the
keys that it would pass over in silence and for the places that errors name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from oslo_config import cfg, iniparser

from cotyledon_core.config.origin import Origin, files_in
from cotyledon_core.exceptions import ConfigurationError

NO_FILE = "no configuration file (name one with --config-file)"

Sections: TypeAlias = Mapping[str, Mapping[str, list[str]]]
"""What oslo.config's parser makes of a file: keys by section, all values of each."""

Entries: TypeAlias = Mapping[tuple[str, str], tuple[str, ...]]
"""By section and key: all values as they are written."""

_CONFIG_SOURCE = ("DEFAULT", "config_source")


class Entry(NamedTuple):
    """A key as it stands in a file."""

    file: str
    section: str
    key: str
    value: str


class Sources:
    """What the files and the environment hold.

    :param sections: of each file, in the order of reading: what oslo.config's
        parser makes of it.
    :param environment: what oslo.config looks into; empty if it does not.
    """

    def __init__(
        self,
        sections: Mapping[str, Sections],
        environment: Mapping[str, str],
    ) -> None:
        self._sections = sections
        self.environment = environment
        self._last: dict[tuple[str, str], Entry] = {}
        for entry in self.entries():
            self._last[normal(entry.section), entry.key] = entry

    @classmethod
    def read(cls, origin: Origin) -> Sources:
        """
        :raises ConfigurationError: with each file or directory that cannot be
            read, or is no configuration file.
        """
        faults: list[str] = []
        sections: dict[str, dict[str, dict[str, list[str]]]] = {}
        for path in _files(origin, faults):
            fault = _parse(path, sections.setdefault(path, {}))
            if fault:
                faults.append(f"{path}: {fault}")
        if faults:
            raise ConfigurationError(list(dict.fromkeys(faults)))
        return cls(sections, dict(os.environ) if origin.use_env else {})

    @property
    def files(self) -> list[str]:
        """In the order of reading; the later one wins."""
        return list(self._sections)

    def entries(self) -> Iterator[Entry]:
        """All keys of all files, a repeated one with its last value."""
        for file, sections in self._sections.items():
            for section, keys in sections.items():
                for key, values in keys.items():
                    yield Entry(file, section, key, values[-1])

    def raw_entries(self) -> Entries:
        """All that could be read from here."""
        return raw_entries(self._sections.values(), self.environment)

    def sections(self) -> Iterator[tuple[str, str]]:
        """Pairs of file and section name, empty sections too."""
        for file, sections in self._sections.items():
            for section in sections:
                yield file, section

    def place(self, section: str, key: str | None = None) -> str:
        """For an error: the source that ``key`` is or should be in."""
        if key is not None and variable(section, key) in self.environment:
            return f"environment variable {variable(section, key)}"
        entry = self._last.get((normal(section), key)) if key is not None else None
        if entry is not None:
            return entry.file
        of_section = [file for file, found in self.sections() if normal(found) == normal(section)]
        return (of_section or self.files or [NO_FILE])[-1]

    def raw(self, section: str, key: str) -> str | None:
        """The value as it is written; None if it is not."""
        if variable(section, key) in self.environment:
            return self.environment[variable(section, key)]
        entry = self._last.get((normal(section), key))
        return entry.value if entry else None


def raw_entries(files: Iterable[Sections], environment: Mapping[str, str]) -> Entries:
    """All that could be read from files and the environment, which goes before.

    :param files: in the order of reading.
    """
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for sections in files:
        for section, keys in sections.items():
            for key, values in keys.items():
                place = (normal(section), key)
                found[place] = (*found.get(place, ()), *values)
    for name, value in environment.items():
        section, separator, key = name.removeprefix("OS_").partition("__")
        if separator and name.startswith("OS_"):
            section = section if section == "DEFAULT" else section.lower()
            found[section, key.lower()] = (value,)
    return found


def changed_entries(old: Entries, new: Entries) -> list[tuple[str, str]]:
    """Sections and keys with other values, in order.

    What a driver of oslo.config's reads elsewhere cannot be compared: with
    ``config_source`` in use, that counts as changed.
    """
    changed = {place for place in old.keys() | new.keys() if old.get(place) != new.get(place)}
    return sorted(changed | ({_CONFIG_SOURCE} & new.keys()))


def normal(section: str) -> str:
    """A section's name as oslo.config compares it: only DEFAULT has a case."""
    return section if section == "DEFAULT" else section.lower()


def variable(section: str, key: str) -> str:
    """The environment variable that oslo.config reads an option from."""
    return f"OS_{section.upper()}__{key.upper()}"


def _files(origin: Origin, faults: list[str]) -> Iterator[str]:
    for kind, path in origin.places():
        if kind == "file":
            yield path
        elif not os.path.isdir(path):
            faults.append(f"{path}: is not a directory; --config-dir must name one")
        elif not os.access(path, os.R_OK | os.X_OK):
            faults.append(f"{path}: cannot be listed; let the user {_user()} read the directory")
        else:
            yield from files_in(path)


def _parse(path: str, sections: dict[str, dict[str, list[str]]]) -> str | None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode) and path != os.devnull:
            return "is not a regular file; it is read again at each reload"
        cfg.ConfigParser(path, sections).parse()
    except iniparser.ParseError as error:
        shown = f": {error.line.strip()!r}" if error.line else ""
        return (
            f"line {error.lineno}: {error.msg}{shown}; "
            "a line must be [section], key = value, or a comment that begins with #"
        )
    except FileNotFoundError:
        return "does not exist; name a configuration file that does"
    except PermissionError:
        return f"cannot be read; let the user {_user()} read it"
    except UnicodeDecodeError as error:
        return f"is not text in the encoding {error.encoding}: {error.reason}"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return None


def _user() -> str:
    try:
        import getpass

        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "that runs this"
