"""Reads supervisord's file as supervisord does: its includes and its expansions."""

from __future__ import annotations

import configparser
import glob
import platform
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from cotyledon_core.conversion.reading import checked, read_into
from cotyledon_core.exceptions import ConfigurationError

T = TypeVar("T")

_INHERITED = re.compile(r"""\b(?P<name>\w+)\s*=\s*(["']?)%\(ENV_(?P=name)\)s\2(?=\s*(,|$))""")
"""A variable that is what it is in the environment anyway."""
_TAKEN = re.compile(r"%\((ENV_\w+|host_node_name)\)")
"""What stands for something else on another machine, or at another time."""


class SupervisordFile:
    """The sections of a file and of those that it includes.

    :param path: the file.
    :param environ: what ``%(ENV_name)s`` stands for.
    :raises ConfigurationError: if one of them cannot be read.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._parser = configparser.RawConfigParser(
            strict=False, inline_comment_prefixes=(";", "#"), default_section="\0"
        )
        self._files: dict[str, Path] = {}
        self.path = path
        self._names = {f"ENV_{name}": value for name, value in environ.items()}
        self._names["host_node_name"] = platform.node()
        self.taken: set[str] = set()
        """Names that were expanded and stand for something else elsewhere."""
        self.missing_includes: list[str] = []
        self._read(path)
        self._include()

    def _read(self, path: Path) -> None:
        known = set(self._parser.sections())
        read_into(self._parser, path)
        self._files.update({name: path for name in self._parser.sections() if name not in known})

    def _include(self) -> None:
        patterns = self.get("include", "files")
        for pattern in (patterns or "").split():
            found = sorted(glob.glob(str(self.path.absolute().parent / pattern)))
            for name in found:
                self._read(Path(name))
            if not found:
                self.missing_includes.append(pattern)

    def add_to_environment(self, variables: Mapping[str, str]) -> None:
        """From now on, ``%(ENV_name)s`` stands for these too."""
        self._names.update({f"ENV_{name}": value for name, value in variables.items()})

    def sections(self, prefix: str = "") -> Iterator[str]:
        """The names that begin so, in the order of the file."""
        return (name for name in self._parser.sections() if name.startswith(prefix))

    def keys(self, section: str) -> list[str]:
        """The keys of a section; none if there is no such section."""
        return self._parser.options(section) if section in self._parser else []

    def place(self, section: str, key: str) -> str:
        """Where a key stands, for an error."""
        return f"{self._files.get(section, self.path)}: [{section}] {key}"

    def raw(self, section: str, key: str) -> str | None:
        """The value as it stands."""
        return self._parser.get(section, key, fallback=None)

    def get(self, section: str, key: str, /, **names: object) -> str | None:
        """The value with everything expanded; None if there is none.

        :param names: further names to expand.
        :raises ConfigurationError: if something cannot be.
        """
        value = self.raw(section, key)
        return None if value is None else self._expanded(section, key, value, names)

    def _expanded(self, section: str, key: str, value: str, names: Mapping[str, object]) -> str:
        if "%" not in value:
            return value
        here = self._files.get(section, self.path).absolute().parent
        self.taken.update(_TAKEN.findall(value))
        try:
            return value % {**self._names, "here": here, **names}
        except KeyError as error:
            text = f"%({error.args[0]})s stands for nothing here; {_remedy(str(error.args[0]))}"
        except (ValueError, TypeError):
            text = "has a wrong % in it; write %% for a percent sign"
        raise ConfigurationError([f"{self.place(section, key)}: {text}"])

    def convert(self, section: str, key: str, convert: Callable[[str], T], default: T) -> T:
        """The value that the text stands for."""
        value = self.get(section, key)
        return default if value is None else checked(self.place(section, key), convert, value)

    def environment(self, section: str, /, **names: object) -> dict[str, str]:
        """The variables that the key ``environment`` sets, but for those that are inherited."""
        raw = self.raw(section, "environment") or ""
        inherited = {match["name"] for match in _INHERITED.finditer(raw)}
        own = _INHERITED.sub(r'\g<name>=""', raw)
        value = self._expanded(section, "environment", own, names)
        pairs = checked(self.place(section, "environment"), variables, value)
        return {name: text for name, text in pairs.items() if name not in inherited}


def _remedy(name: str) -> str:
    if name.startswith("ENV_"):
        return f"set {name.removeprefix('ENV_')} in the environment of this command"
    return "write %% for a percent sign"


def variables(text: str) -> dict[str, str]:
    """``NAME=value,NAME="value"`` as supervisord splits it."""
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    wrong = 'must be NAME="value", separated by commas'
    try:
        tokens = list(lexer)
    except ValueError:
        raise ValueError(f"has a quotation mark without end; it {wrong}") from None
    found = {}
    for start in range(0, len(tokens), 4):
        name, *rest = tokens[start : start + 3]
        if len(rest) != 2 or rest[0] != "=":
            raise ValueError(f"is wrong: it {wrong}")
        found[name] = rest[1].strip("'\"")
    return found
