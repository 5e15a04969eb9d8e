"""What the readers of other managers' files share."""

from __future__ import annotations

import configparser
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cotyledon_core.exceptions import ConfigurationError

T = TypeVar("T")

_TRUE, _FALSE = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def read_into(parser: configparser.RawConfigParser, path: Path) -> None:
    """Read a file, on top of what was read before.

    :raises ConfigurationError: without the text of a wrong line, which may be secret.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            parser.read_file(file, str(path))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: is no text in UTF-8"]) from None
    except configparser.MissingSectionHeaderError as error:
        text = f"line {error.lineno}: is outside of any section; a [section] has to come first"
        raise ConfigurationError([f"{path}: {text}"]) from None
    except configparser.ParsingError as error:
        raise ConfigurationError(
            [f"{path}: line {number}: must be key = value" for number, _ in error.errors]
        ) from None
    except configparser.Error as error:
        raise ConfigurationError([f"{path}: {' '.join(str(error).split())}"]) from None


def checked(place: str, convert: Callable[[str], T], value: str) -> T:
    """The value that a text stands for.

    :param place: file, section and key, for the error.
    :raises ConfigurationError: if it stands for none.
    """
    try:
        return convert(value)
    except ValueError as error:
        raise ConfigurationError([f"{place}: {error}"]) from None


def boolean(text: str) -> bool:
    if text.strip().lower() in _TRUE + _FALSE:
        return text.strip().lower() in _TRUE
    raise ValueError(f"{text!r} is wrong: true or false is needed")


def whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is wrong: a whole number is needed") from None


def count(text: str) -> int:
    if whole(text) < 0:
        raise ValueError(f"{text!r} is wrong: a whole number of at least 0 is needed")
    return whole(text)


def seconds(text: str) -> int:
    """Rounded up, since ours are whole."""
    try:
        return max(math.ceil(float(text)), 0)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is wrong: a number of seconds is needed") from None


def octal(text: str) -> str:
    if not text or set(text) - set("01234567") or int(text, 8) > 0o777:
        raise ValueError(f"{text!r} is wrong: octal digits are needed, such as 022")
    return text


def signal_name(text: str) -> str:
    from cotyledon_core.signal_names import signal_number

    signal_number(text)
    return text.strip()


def command_line(text: str) -> str:
    import shlex

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"cannot be split into words: {error}") from None
    if not words or not words[0]:
        raise ValueError("must name a program")
    if "\0" in text:
        raise ValueError("must not contain a null character")
    return text


def environment_type() -> Any:
    """What reads the option ``environment`` of the service ``command``."""
    from oslo_config import types

    return types.Dict(types.String(quotes=True))
