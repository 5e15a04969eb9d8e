"""What is configured for the control socket, as values."""

from __future__ import annotations

from cotyledon_core.record import Record


class ControlSettings(Record):
    """The section ``[control]``; see the help texts of its options."""

    socket: str = ""
    """The path, in which ``{name}`` and ``{uid}`` may stand; empty for no socket."""
    mode: int = 0o600
    group: int | None = None
    """The id of the group that the socket is given to; None leaves it."""
    required: bool = False
    read_only_uids: frozenset[int] = frozenset()
    read_only_gids: frozenset[int] = frozenset()
    read_write_uids: frozenset[int] = frozenset()
    read_write_gids: frozenset[int] = frozenset()
    max_clients: int = 64
    max_request: int = 64 * 1024
    """Bytes."""
    max_output: int = 16 * 1024 * 1024
    """Bytes that may wait for one client."""
    idle_timeout: float = 60.0
    """Seconds."""
    flight_recorder_size: int = 1000
    flight_recorder_file: str = ""
    """The path; empty for none."""

    @property
    def records(self) -> bool:
        """Whether anybody could read what a flight recorder holds."""
        return bool(self.socket or self.flight_recorder_file)


NO_CONTROL = ControlSettings()
