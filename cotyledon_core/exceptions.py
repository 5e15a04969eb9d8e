"""The errors that this package raises of its own, one family.

Wrong arguments to the Python API raise ``TypeError`` and ``ValueError`` with
Cotyledon's texts instead.
"""

from __future__ import annotations

from collections.abc import Sequence


class CotyledonError(Exception):
    """Base of the family. Its text says what is wrong and what would be right."""


class PluginError(CotyledonError):
    """A plugin is missing, does not load, or does not keep its contract."""


class ConfigurationError(CotyledonError):
    """The configuration has faults.

    :param faults: one line for each fault, with file, section and key.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class WorkerStartError(CotyledonError):
    """A worker process cannot be started; the cause says why."""


def shown(error: object) -> str:
    """``repr()`` of what is not ours, which may raise."""
    try:
        return repr(error)
    except BaseException as failure:
        return f"<{type(error).__name__}, whose repr() raises {type(failure).__name__}>"
