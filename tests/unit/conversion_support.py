"""Converts a text and reads the result as ``cotyledon run`` would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cotyledon_core.config.loader import compile_settings, load
from cotyledon_core.config.settings import ManagerSettings, ServiceSettings
from cotyledon_core.conversion import circus, supervisord
from cotyledon_core.conversion.draft import Draft

CONVERTERS: Mapping[str, Callable[[Path, Mapping[str, str]], Draft]] = {
    "supervisord": supervisord.convert,
    "circus": circus.convert,
}


class Conversion:
    """A text that was converted, and what the result means.

    :param directory: for the files.
    :param environ: of the conversion.
    """

    def __init__(
        self, manager: str, text: str, directory: Path, environ: Mapping[str, str]
    ) -> None:
        source, made = directory / "original.conf", directory / "made.conf"
        source.write_text(text, encoding="utf-8")
        draft = CONVERTERS[manager](source, environ)
        self.text = draft.render("original.conf")
        made.write_text(self.text, encoding="utf-8")
        self.settings: ManagerSettings = compile_settings(load([f"--config-file={made}"]))

    @property
    def names(self) -> list[str]:
        return [service.name for service in self.settings.services]

    @property
    def notes(self) -> str:
        """All notes, without what breaks their lines."""
        lines = [line for line in self.text.splitlines() if line.startswith("#")]
        return " ".join("\n".join(lines).replace("\n#  ", "").split(" "))

    def service(self, name: str | None = None) -> dict[str, Any]:
        """Every option of a service, of the only one unless it is named."""
        named = {each.name: each for each in self.settings.services}
        (found,) = [named[name]] if name else named.values()
        return options_of(found)


def options_of(service: ServiceSettings) -> dict[str, Any]:
    return {
        **{name: getattr(service.options, name) for name in service.options.field_names},
        **service.policy.options,
        **service.factory.options,
        "workers": service.workers,
        "restart_policy": service.policy.policy_class.__name__,
        "graceful_shutdown_timeout": service.graceful_shutdown_timeout,
    }
