"""Keys and sections that nobody reads: unknown, misspelt, or in dashed form.

oslo.config ignores what is not registered. In the sections that are ours that
is a fault, since its author meant something by it; the application's sections
are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from difflib import get_close_matches

from cotyledon_core.config.control import CONTROL
from cotyledon_core.config.control import OPTIONS as CONTROL_OPTIONS
from cotyledon_core.config.options import (
    DEFAULT_OPTIONS,
    MANAGER,
    MANAGER_OPTIONS,
    NOTIFIER,
    NOTIFIER_OPTIONS,
    SERVICE,
    SERVICE_OPTIONS,
)
from cotyledon_core.config.socket_options import SOCKET, SOCKET_OPTIONS
from cotyledon_core.config.sources import Sources, normal, variable
from cotyledon_core.config.values import Values

PREFIXES = (SERVICE, NOTIFIER, SOCKET)
LISTS = {SERVICE: "services", NOTIFIER: "notifiers"}
"""By section prefix: the option of the manager that names such sections."""

HOMES = {
    "[DEFAULT]": DEFAULT_OPTIONS,
    f"[{MANAGER}]": MANAGER_OPTIONS,
    f"[{CONTROL}]": CONTROL_OPTIONS,
    f"[{SERVICE}NAME]": SERVICE_OPTIONS,
    f"[{NOTIFIER}NAME]": NOTIFIER_OPTIONS,
    f"[{SOCKET}NAME]": SOCKET_OPTIONS,
}
"""The options that we declare ourselves, by the sections that they are read from."""


class KeyCheck:
    """Looks at every key and section there is.

    :param values: gets the faults; knows the options of each section.
    :param unsure: sections whose options are not known in full, since a plugin
        of theirs is at fault.
    """

    def __init__(self, values: Values, unsure: Set[str]) -> None:
        self._values = values
        self._sources: Sources = values.sources
        self._unsure = {normal(section) for section in unsure}
        self._known = {normal(section): set(keys) for section, keys in values.known.items()}
        self._in_environment = {
            variable(section, key) for section, keys in self._known.items() for key in keys
        }
        """oslo.config reads no old names from there."""
        for section, key in _old_names(values):
            if section in self._known:
                self._known[section].add(key)
        self._names = {normal(section): section for section in values.known}
        self.notices: list[str] = []

    def run(self) -> None:
        for file, section in dict.fromkeys(self._sources.sections()):
            self._check_section(file, section)
        for entry in self._sources.entries():
            self._check_key(entry.section, entry.key)
        self._check_environment()

    def _check_section(self, file: str, section: str) -> None:
        name = normal(section)
        prefix = name.partition(":")[0] + ":"
        if name in self._known:
            return
        if ":" in name and prefix in LISTS:
            self._check_unused(file, section, prefix)
        elif f"{name.rstrip('s')}:" in PREFIXES:
            self.notices.append(
                f"{file}: [{section}] is not ours and not read; "
                f"a {name.rstrip('s')}'s section is [{name.rstrip('s')}:NAME]"
            )
        elif near := _near_section(name):
            self._fault_of_section(file, section, f"is unknown; did you mean [{near}]?")

    def _check_unused(self, file: str, section: str, prefix: str) -> None:
        """A section that no list names may be kept for later, unless it cannot be named."""
        spaceless = "".join(normal(section).split())
        if spaceless in self._known:
            right = self._names[spaceless]
            self._fault_of_section(file, section, f"has blanks in its name; write [{right}]")
        elif (file, section) in ((entry.file, entry.section) for entry in self._sources.entries()):
            near = get_close_matches(normal(section), self._known, n=1, cutoff=0.8)
            hint = f"; did you mean [{self._names[near[0]]}]?" if near else ""
            self.notices.append(
                f"{file}: [{section}] is not used: "
                f"[{MANAGER}] {LISTS[prefix]} does not name it{hint}"
            )

    def _fault_of_section(self, file: str, section: str, text: str) -> None:
        self._values.faults.append(f"{file}: [{section}] {text}")

    def _check_key(self, section: str, key: str) -> None:
        name = normal(section)
        plain = key.replace("-", "_")
        if name.upper() == "DEFAULT":
            self._check_default_key(section, key, plain)
        elif self._is_wrong(name, key, plain):
            self._values.fault(section, key, self._unknown(name, key, plain))

    def _is_wrong(self, section: str, key: str, plain: str) -> bool:
        """Whether the key is at fault, whatever options a plugin that is not known has."""
        if key in self._known.get(section, {key}):
            return False
        if section not in self._unsure:
            return True
        near = get_close_matches(plain.lower(), self._known[section], n=1, cutoff=0.8)
        return key != plain or bool(near)

    def _check_default_key(self, section: str, key: str, plain: str) -> None:
        homes = _homes(plain)
        if "[DEFAULT]" not in homes:
            # no fault, it may be the application's; one word such as workers is anybody's
            if homes and "_" in plain:
                place = self._sources.place(section, key)
                self.notices.append(
                    f"{place}: [{section}] {key}: is not read from there by us; "
                    f"{plain} of ours belongs in {' or '.join(homes)}"
                )
        elif section != "DEFAULT":
            self._values.fault(section, key, "is not read; write the section's name as [DEFAULT]")
        elif key != plain:
            self._values.fault(section, key, _dashed(plain))

    def _unknown(self, section: str, key: str, plain: str) -> str:
        known = self._known[section]
        if plain != key and (plain in known or section in self._unsure):
            return _dashed(plain)
        if homes := _homes(plain):
            return f"is not read from here; {plain} belongs in {' or '.join(homes)}"
        if not section.startswith(NOTIFIER) and (of_policies := _of_policies(plain, known)):
            return of_policies
        near = get_close_matches(plain.lower(), known, n=1)
        if near:
            return f"is unknown; did you mean {near[0]}?"
        return f"is unknown; this section may have {', '.join(sorted(known))}"

    def _check_environment(self) -> None:
        """Variables with our sections' names in theirs; sections come in upper case there."""
        known = self._in_environment
        unsure = tuple(variable(section, "") for section in self._unsure)
        used = tuple(variable(section, "") for section in self._known)
        for name in sorted(self._sources.environment):
            if name in known or (unsure and name.startswith(unsure)):
                continue
            if name.startswith(used) and not name.startswith("OS_DEFAULT__"):
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else "remove it"
                self._values.faults.append(
                    f"environment variable {name}: no option is read from it; {hint}"
                )
            elif name.startswith(("OS_SERVICE:", "OS_NOTIFIER:", "OS_SOCKET:")):
                self.notices.append(
                    f"environment variable {name} is not used: no list in [{MANAGER}] "
                    "names its section"
                )


def _old_names(values: Values) -> Iterator[tuple[str, str]]:
    """Sections, and the keys that oslo.config looks for in them as deprecated names."""
    for section, options in values.known.items():
        for option in options.values():
            for old in option.deprecated_opts:
                yield normal(old.group or section), old.name or option.dest


def _near_section(name: str) -> str | None:
    head, colon, tail = name.partition(":")
    ours: Iterable[str] = ("service", "notifier", "socket") if colon else (MANAGER,)
    near = get_close_matches(head.strip(), ours, n=1, cutoff=0.8)
    return f"{near[0]}{colon}{tail}" if near else None


def _dashed(plain: str) -> str:
    return f"is not read: oslo.config knows no dash in a file's keys; write {plain}"


def _homes(key: str) -> list[str]:
    """The sections that an option of ours is read from; none if there is no such option."""
    return [home for home, options in HOMES.items() if key in {found.dest for found in options}]


def _of_policies(key: str, known: Set[str]) -> str | None:
    """What is wrong with the key if it is a restart policy's, in files or in Python."""
    names = [(policy, own, shown) for policy, own, shown in _policy_names() if key in (own, shown)]
    if policies := [policy for policy, _, shown in names if key == shown]:
        return (
            f"is an option of the restart policy {' or '.join(policies)}, "
            "which is not used here; set restart_policy, or remove it"
        )
    if used := [shown for _, _, shown in names if shown in known]:
        return f"is unknown; did you mean {used[0]}?"
    meant = [f"{shown}, with restart_policy = {policy}" for policy, _, shown in names]
    return f"is unknown; in files it is {' or '.join(meant)}" if meant else None


def _policy_names() -> list[tuple[str, str, str]]:
    """Of each option of each restart policy: the policy, its own name and the one in files."""
    from cotyledon_core.config.policy_options import in_files
    from cotyledon_core.exceptions import PluginError
    from cotyledon_core.plugins.loading import Namespace, discover, plugin_options

    try:
        return [
            (info.name, own.dest, in_files(info.name, own).dest)
            for info in discover()
            if info.namespace == Namespace.RESTART_POLICIES and info.plugin is not None
            for own in plugin_options(info.plugin)
        ]
    except PluginError:
        return []
