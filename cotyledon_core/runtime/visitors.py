"""Who may ask the manager for something while it runs."""

from __future__ import annotations


class Visitors:
    """Nobody; :class:`cotyledon_core.control.server.Server` lets somebody in."""

    def deadline(self) -> float | None:
        """When they want to be looked after, in monotonic seconds."""
        return None

    def obey(self) -> None:
        """Do what they ask for."""

    def tell(self) -> None:
        """Tell them what there is to tell."""
