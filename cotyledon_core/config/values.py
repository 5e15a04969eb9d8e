"""Values of options, and a fault instead of an exception for each that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from oslo_config import cfg, types

from cotyledon_core.config.origin import wrong_values
from cotyledon_core.config.sources import Sources


class Reading(NamedTuple):
    """The values of a plugin's options by name, None for each that is wrong."""

    values: dict[str, Any]
    wrong: frozenset[str]


class Values:
    """Reads options of one configuration and collects the faults.

    :param conf: a ConfigOpts of our own; the options are registered in it.
    :param sources: where the same configuration's keys stand.
    """

    def __init__(self, conf: cfg.ConfigOpts, sources: Sources) -> None:
        self.conf = conf
        self.sources = sources
        self.faults: list[str] = []
        self.known: dict[str, dict[str, cfg.Opt]] = {}
        """The options of each section that was registered, by name."""
        self._at_fault: set[tuple[str, str | None]] = set()

    def fault(self, section: str, key: str | None, text: str) -> None:
        """Note a fault where ``key`` stands or should stand."""
        place = self.sources.place(section, key)
        line = f"{place}: [{section}]{f' {key}' if key else ''}: {text}"
        if line not in self.faults:
            self.faults.append(line)
        self._at_fault.add((section, key))

    def is_at_fault(self, section: str, key: str | None) -> bool:
        """Whether a fault was noted for this key."""
        return (section, key) in self._at_fault

    def register(self, section: str, options: Iterable[cfg.Opt], *, shared: bool = False) -> None:
        """Make ``options`` known to ``section``.

        :param shared: whether an option of the same name may be there already,
            and is used then.
        """
        known = self.known.setdefault(section, {})
        for option in options:
            try:
                self.conf.register_opt(option, None if section == "DEFAULT" else section)
            except cfg.DuplicateOptError:
                if not shared:
                    self.fault(
                        section,
                        option.dest,
                        "two plugins that meet in this section have an option of this name, or "
                        "the application has registered one; each must have a name of its own",
                    )
            known.setdefault(option.dest, option)

    def check_registered(self) -> None:
        """Look at all options that are registered, the application's own among them."""
        for section, option, error in wrong_values(self.conf):
            self.fault(section, option.dest, self._reason(section, option, error))

    def get(self, section: str, key: str) -> Any:
        """The value; None if it is not set and has no default, or is wrong."""
        try:
            value = self._lookup(section, key)
        except RecursionError:
            self.fault(section, key, "its value refers to itself; write $$ for a dollar sign")
        except Exception as error:  # a plugin may bring types of its own
            self.fault(section, key, self._reason(section, self.known[section][key], error))
        else:
            self._check_used(section, key, value)
            return value
        return None

    def _check_used(self, section: str, key: str, value: Any) -> None:
        """Look for what oslo.config passes over: an empty number, a type's KeyError."""
        option = self.known[section][key]
        is_set = self.is_set(section, key)
        if is_set and value is None and option.default is not None:
            self.fault(section, key, f"is empty: {expected(option)} is needed")
        elif not is_set and self.sources.raw(section, key) is not None:
            raw = "the value" if option.secret else repr(self.sources.raw(section, key))
            self.fault(section, key, f"{raw} is wrong: {expected(option)} is needed")

    def is_set(self, section: str, key: str) -> bool:
        """Whether anything but the option's own default gives a value."""
        if key not in self.known[section]:
            return False
        try:
            location = self.conf.get_location(key, None if section == "DEFAULT" else section)
        except Exception:  # it is there, and wrong
            return True
        return location is not None and location.location is not cfg.Locations.opt_default

    def read_all(self, options: Iterable[cfg.Opt], places: Mapping[str, str]) -> Reading:
        """The values of a plugin's options.

        :param places: the section of each, by name.
        """
        values: dict[str, Any] = {}
        wrong = set()
        for option in options:
            key = option.dest
            values[key] = self.get(places[key], key)
            wrong_already = self.is_at_fault(places[key], key)
            if option.required and values[key] is None and not wrong_already:
                self.fault(places[key], key, f"is missing; {expected(option)} is needed")
            if self.is_at_fault(places[key], key):
                wrong.add(key)
        return Reading(values, frozenset(wrong))

    def _lookup(self, section: str, key: str) -> Any:
        return self.conf[key] if section == "DEFAULT" else self.conf[section][key]

    def _reason(self, section: str, option: cfg.Opt, error: Exception) -> str:
        cause = error.__context__ if isinstance(error.__context__, Exception) else error
        if isinstance(error, cfg.Error) and not isinstance(error, ValueError):
            name = getattr(cause, "opt_name", None) or getattr(cause, "group_name", None)
            what = f"{name!r}, which is no option" if name else str(cause)
            return f"its value refers to {what}; write $$ for a dollar sign"
        raw = self.sources.raw(section, option.dest)
        shown = "the value" if option.secret or raw is None else repr(raw)
        why = "" if option.secret or _says_all(option.type) else f" ({cause})"
        hint = "; a comment must be on a line of its own" if raw and " #" in raw else ""
        return f"{shown} is wrong{why}: {expected(option)} is needed{hint}"


def expected(option: cfg.Opt) -> str:
    """What would be right for an option, for the end of an error."""
    return _expected(option.type)


def _says_all(kind: Any) -> bool:
    """Whether :func:`_expected` leaves nothing open."""
    return isinstance(kind, types.Boolean | types.Number) or bool(getattr(kind, "choices", None))


def _expected(kind: Any) -> str:
    choices = getattr(kind, "choices", None)
    if choices:
        return f"one of {', '.join(map(str, choices))}"
    if isinstance(kind, types.Boolean):
        return "true or false"
    if isinstance(kind, types.Number):
        return ("a whole number" if isinstance(kind, types.Integer) else "a number") + _bounds(kind)
    if isinstance(kind, types.List):
        return f"a list, separated by commas, each item {_expected(kind.item_type)}"
    if isinstance(kind, types.Dict):
        return "a list of key:value, separated by commas"
    if type(kind) is types.String:
        return f"a text that matches {kind.regex.pattern}" if kind.regex else "a text"
    return f"a value of the type {getattr(kind, 'type_name', type(kind).__name__)}"


def _bounds(kind: types.Number) -> str:
    if kind.min is not None and kind.max is not None:
        return f" from {kind.min:g} to {kind.max:g}"
    if kind.min is not None:
        return f" of at least {kind.min:g}"
    return f" of at most {kind.max:g}" if kind.max is not None else ""
