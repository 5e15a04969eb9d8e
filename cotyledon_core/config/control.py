"""The section ``[control]``: its options, and what they mean."""

from __future__ import annotations

import math
import re
from typing import Any

from oslo_config import cfg, types

from cotyledon_core.config.values import Values
from cotyledon_core.control_settings import NO_CONTROL, ControlSettings

CONTROL = "control"
"""The section of the control socket."""
_ID = types.Integer(min=0, max=2**32 - 2)


def _ids(name: str, whose: str, what: str) -> cfg.Opt:
    return cfg.ListOpt(
        name, default=[], item_type=_ID, help=f"The ids of {whose} that may {what}, as numbers."
    )


OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        "socket",
        default="",
        sample_default="/run/{name}/control.sock",
        help="The path of the Unix socket at which the manager is seen into and steered. {name} "
        "stands for the manager's name, {uid} for its user id. The directory must be there. "
        "Without a path there is no socket.",
    ),
    cfg.StrOpt(
        "mode",
        default="0600",
        help="The mode of the socket, in octal. Who may write to it may connect; what such a user "
        "may do, the options below say.",
    ),
    cfg.StrOpt(
        "group",
        help="The group that the socket is given to, by name or number. Unless given, that of the "
        "manager.",
    ),
    cfg.BoolOpt(
        "required",
        default=NO_CONTROL.required,
        help="Whether the manager does not start if the socket cannot be had. Otherwise it warns, "
        "and runs without one. If another manager listens there, it never starts.",
    ),
    _ids("read_only_uids", "users", "look, but change nothing"),
    _ids("read_only_gids", "groups whose members", "look, but change nothing"),
    _ids(
        "read_write_uids",
        "users",
        "do everything, beside root and the user that the manager runs as",
    ),
    _ids("read_write_gids", "groups whose members", "do everything"),
    cfg.IntOpt(
        "max_clients",
        default=NO_CONTROL.max_clients,
        min=1,
        max=1024,
        help="How many clients may be connected at a time.",
    ),
    cfg.IntOpt(
        "max_request",
        default=NO_CONTROL.max_request,
        min=1024,
        max=1024 * 1024,
        help="How many bytes a request may have.",
    ),
    cfg.IntOpt(
        "max_output",
        default=NO_CONTROL.max_output,
        min=64 * 1024,
        help="How many bytes may wait for a client that does not read them.",
    ),
    cfg.FloatOpt(
        "idle_timeout",
        default=NO_CONTROL.idle_timeout,
        min=0.1,
        help="Seconds after which a client is let go that neither sends a whole request nor reads "
        "its answer.",
    ),
    cfg.IntOpt(
        "flight_recorder_size",
        default=NO_CONTROL.flight_recorder_size,
        min=1,
        max=100_000,
        help="How many of the last events and decisions are kept to be looked at.",
    ),
    cfg.StrOpt(
        "flight_recorder_file",
        default="",
        sample_default="/var/lib/{name}/flight-recorder.jsonl",
        help="Where they are written if the manager fails, a line of JSON each. {name} and {uid} "
        "mean the same as above.",
    ),
]
_PLACEHOLDERS = ("{name}", "{uid}")


def settings(values: Values) -> ControlSettings:
    """What the section says; every fault is noted in ``values``."""
    found = {option.dest: values.get(CONTROL, option.dest) for option in OPTIONS}
    for name in ("socket", "flight_recorder_file"):
        _check_path(values, name, found[name] or "")
    timeout = found["idle_timeout"]
    if timeout is not None and not math.isfinite(timeout):
        values.fault(CONTROL, "idle_timeout", "a finite number of seconds is needed")
    found["mode"] = _mode(values, found["mode"])
    found["group"] = _group(values, found["group"])
    for name in ("read_only_uids", "read_only_gids", "read_write_uids", "read_write_gids"):
        found[name] = frozenset(found[name] or ())
    return ControlSettings(**{key: value for key, value in found.items() if value is not None})


def _check_path(values: Values, name: str, path: str) -> None:
    for part in re.findall(r"\{[^{}]*\}", path):
        if part not in _PLACEHOLDERS:
            known = " and ".join(_PLACEHOLDERS)
            values.fault(CONTROL, name, f"{path!r} has {part}; {known} may stand there")
    if "\0" in path:
        values.fault(CONTROL, name, "a path has no null character")


def _mode(values: Values, text: Any) -> int | None:
    if text is None:
        return None
    if re.fullmatch(r"(0o?)?[0-7]{3}", text) and (mode := int(text.removeprefix("0o"), 8)) & 0o600:
        return mode
    values.fault(CONTROL, "mode", f"{text!r} is wrong: octal digits such as 0600 are needed")
    return None


def _group(values: Values, name: str | None) -> int | None:
    if not name:
        return None
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        import grp

        return grp.getgrnam(name).gr_gid
    except (ImportError, KeyError):
        values.fault(CONTROL, "group", f"there is no group {name!r}; a name or a number is needed")
    return None
