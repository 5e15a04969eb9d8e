"""The options that we declare ourselves, and the list of all for oslo-config-generator.

Plugins declare their own; they are found through their entry points.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator

from oslo_config import cfg

from cotyledon_core.config.control import CONTROL
from cotyledon_core.config.control import OPTIONS as CONTROL_OPTIONS
from cotyledon_core.config.marks import (
    CONTROL_MARKS,
    MANAGER_MARKS,
    SERVICE_MARKS,
    SOCKET_MARKS,
    explained,
)
from cotyledon_core.config.policy_options import in_files
from cotyledon_core.config.socket_options import SOCKET, SOCKET_OPTIONS
from cotyledon_core.exceptions import PluginError
from cotyledon_core.plugins.loading import Namespace, PluginInfo, discover, plugin_options
from cotyledon_core.service_options import ServiceOptions

LOG = logging.getLogger(__name__)

MANAGER = "cotyledon"
"""The manager's section."""
SERVICE = "service:"
"""What the names of services' sections begin with."""
NOTIFIER = "notifier:"
"""What the names of notifiers' sections begin with."""


def is_ours(section: str) -> bool:
    """Whether all of a section is the manager's; in [DEFAULT] a few options are."""
    return section in (MANAGER, CONTROL) or section.startswith((SERVICE, NOTIFIER, SOCKET))


DEFAULT_POLICY = "always"
GRACEFUL_SHUTDOWN_TIMEOUT = 60
"""Seconds; the manager's, unless configured."""

DEFAULT_OPTIONS: list[cfg.Opt] = [
    cfg.BoolOpt(
        "log_options",
        default=True,
        mutable=True,
        help="Whether to log the values of all options, at level DEBUG, at the start and "
        "after a reload. Secret ones are masked.",
    ),
    cfg.IntOpt(
        "graceful_shutdown_timeout",
        default=GRACEFUL_SHUTDOWN_TIMEOUT,
        mutable=True,
        help="Seconds that a graceful stop may take before what is left is ended by force. "
        "0 waits without end.",
    ),
]
"""Read from [DEFAULT], which is the application's otherwise."""

MANAGER_OPTIONS: list[cfg.Opt] = [
    cfg.ListOpt(
        "services",
        sample_default=["metricd", "housekeeping"],
        help="The names of the services to run, in the order of their start. Each has a section "
        "of its own, [service:NAME]. May be empty but not missing.",
    ),
    cfg.ListOpt(
        "notifiers",
        sample_default=["log", "systemd"],
        help="The names of the notifiers that are told events. Each may have a section of its "
        "own, [notifier:NAME]. Unless given: log, and systemd too if the environment has "
        "NOTIFY_SOCKET.",
    ),
    cfg.StrOpt(
        "restart_policy",
        default=DEFAULT_POLICY,
        help="The restart policy of services that name none of their own: what decides whether "
        "and when a worker that ended by itself is started again. The policy's own options may "
        "stand here, for all services, and in a service's section.",
    ),
    cfg.StrOpt(
        "start_method",
        choices=[
            ("fork", "a copy of the manager's process"),
            ("forkserver", "a copy of a small server process"),
            ("spawn", "a fresh interpreter"),
        ],
        help="How worker processes are started. Unless given: what the application chose with "
        "multiprocessing.set_start_method, else fork where there is one.",
    ),
    cfg.StrOpt(
        "name",
        help="The manager's name in process titles and logs; the program's name unless given.",
    ),
    cfg.FloatOpt(
        "spawn_interval",
        default=0.0,
        min=0.0,
        help="The least time in seconds between the starts of two workers.",
    ),
    cfg.FloatOpt(
        "stop_delay",
        default=0.0,
        min=0.0,
        help="Seconds from an accepted stop, which is told to systemd and to hooks at once, until "
        "the workers are asked to end: for load balancers that have to hear of it first. A part "
        "of graceful_shutdown_timeout, so it must be below that.",
    ),
    cfg.StrOpt(
        "reload_method",
        default="reload",
        choices=[
            ("reload", "all values are read again"),
            ("mutate", "only options that are declared mutable change; others need a new process"),
        ],
        help="What a worker does with the whole configuration on a reload, if its service takes "
        "that and the worker is not replaced.",
    ),
    cfg.StrOpt(
        "on_reload_failure",
        default="rollback",
        choices=[
            ("rollback", "what was changed goes back to the previous configuration"),
            ("halt", "what was changed stays, what was not stays, too"),
        ],
        help="What follows when a worker is lost while a reload brings in a changed configuration.",
    ),
    cfg.StrOpt(
        "dump_signal",
        default="RTMIN+1",
        help="The signal, by name or number, that asks a worker for the stacks of its threads "
        "before it is ended by force. One that the application handles itself is left to it; those "
        "that the manager uses, that mean errors or that cannot be caught are refused. 0 is none.",
    ),
    cfg.BoolOpt(
        "scale_signals",
        default=False,
        help="Whether SIGTTIN gives the service one worker more, and SIGTTOU one less, of which it "
        "leaves one. They are obeyed only while there is exactly one service, and not in the "
        "background of a terminal, which sends these signals itself.",
    ),
]

_DEFAULTS = ServiceOptions()

SERVICE_OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        "service_type",
        help="The service plugin (an entry point of cotyledon.services); the section's own NAME "
        "unless given.",
    ),
    cfg.IntOpt("workers", default=1, min=0, help="The number of worker processes."),
    cfg.StrOpt(
        "restart_policy",
        help="The service's restart policy (an entry point of cotyledon.restart_policies); the "
        "one in [cotyledon] unless given. The policy's own options may stand here too.",
    ),
    cfg.IntOpt(
        "graceful_shutdown_timeout",
        min=0,
        help="Seconds that a worker may take to stop before it is ended by force; 0 waits "
        "without end. Unless given: the service's own, else the manager's.",
    ),
    cfg.StrOpt(
        "ready_when",
        choices=[
            ("booted", "when it was made and the hooks of new workers have run"),
            ("notified", "when it says so: by notify_ready(), or READY=1 of a program"),
        ],
        help="When a worker is ready. Unless given: what the service's class says, else booted.",
    ),
    cfg.FloatOpt(
        "start_timeout",
        default=_DEFAULTS.start_timeout,
        min=0.0,
        help="Seconds from its start until a worker has to be ready. One that is not is ended by "
        "force, and the restart policy decides what follows. 0 waits without end.",
    ),
    cfg.StrOpt(
        "watchdog",
        default=_DEFAULTS.watchdog,
        choices=[
            ("process", "the worker's process gives signs of life while its interpreter runs"),
            ("service", "the service calls heartbeat(), or the program says WATCHDOG=1"),
        ],
        help="Whose heartbeat the watchdog awaits.",
    ),
    cfg.FloatOpt(
        "watchdog_timeout",
        default=_DEFAULTS.watchdog_timeout,
        min=0.0,
        help="Seconds without a heartbeat after which a worker counts as hung, from its readiness "
        "on. It is ended by force, and the restart policy decides what follows. 0 is no watchdog.",
    ),
    cfg.StrOpt(
        "watchdog_signal",
        default=_DEFAULTS.watchdog_signal,
        help="The signal, by name or number, that a hung worker is sent before SIGKILL.",
    ),
    cfg.FloatOpt(
        "max_lifetime",
        default=_DEFAULTS.max_lifetime,
        min=0.0,
        help="Seconds from its readiness until a worker is replaced by a new one. 0 lets it live.",
    ),
    cfg.StrOpt(
        "max_memory",
        default=str(_DEFAULTS.max_memory),
        help="The resident memory at which a worker is replaced: bytes, or with a unit such as "
        "512M or 1.5G (powers of 1024). The worker looks at it every two seconds. 0 is without "
        "bound. Not for services that execute a program.",
    ),
    cfg.IntOpt(
        "max_tasks",
        default=_DEFAULTS.max_tasks,
        min=0,
        help="The number of tasks, counted by task_done(), after which a worker is replaced. 0 is "
        "without bound. Not for services that execute a program.",
    ),
    cfg.FloatOpt(
        "recycle_jitter",
        default=_DEFAULTS.recycle_jitter,
        min=0.0,
        help="The greatest part of such a bound that is added to it at random, for each process "
        "anew, so that workers do not leave together.",
    ),
    cfg.StrOpt(
        "max_recycling",
        default=str(_DEFAULTS.max_recycling),
        help="How many workers of the service may be in replacement for such a bound at a time: a "
        "number, or a percentage of the wanted ones, rounded down; 1 at least.",
    ),
    cfg.ListOpt(
        "start_after",
        default=list(_DEFAULTS.start_after),
        help="The names of services that have to be ready before this one is started: each has "
        "had all its workers ready once. In a stop, this one is stopped before them.",
    ),
    cfg.ListOpt(
        "sockets",
        default=list(_DEFAULTS.sockets),
        help="The names of the listening sockets that the workers are given. Each is passed by "
        "systemd under this name, or has a section of its own, [socket:NAME].",
    ),
    cfg.StrOpt(
        "on_give_up",
        default=_DEFAULTS.on_give_up,
        choices=[
            ("keep", "its running workers and the other services live on"),
            ("shutdown", "the manager stops everything gracefully and exits with status 3"),
        ],
        help="What follows when the restart policy has given the service up.",
    ),
    cfg.BoolOpt(
        "capture_stderr",
        default=_DEFAULTS.capture_stderr,
        help="Whether what workers write to standard error goes to the manager's log, line by "
        "line with the worker's name (logger cotyledon_core.stderr), and the last 4 KiB of it "
        "to the event of the worker's end.",
    ),
]

SERVICE_OPTIONS += [
    cfg.StrOpt(
        "reload_strategy",
        choices=[
            ("in_place", "by their own reload(); those that have none are replaced"),
            ("rolling", "replaced by new ones, a few at a time"),
            ("all_at_once", "replaced by new ones, all together"),
        ],
        help="How workers are brought to a changed configuration. Unless given: in place for a "
        "service that has a reload(), rolling for others.",
    ),
    cfg.StrOpt(
        "max_unavailable",
        default=str(_DEFAULTS.max_unavailable),
        help="How many workers of the service may be missing while some are replaced: a number, or "
        "a percentage of the wanted ones, rounded down, and 1 at least. 0 needs a max_surge.",
    ),
    cfg.StrOpt(
        "max_surge",
        default=str(_DEFAULTS.max_surge),
        help="How many processes there may be beyond the wanted ones while workers are replaced: "
        "a number, or a percentage, rounded up. A new process then has the same worker id as the "
        "one beside which it starts.",
    ),
    cfg.FloatOpt(
        "min_ready_time",
        default=_DEFAULTS.min_ready_time,
        min=0.0,
        help="Seconds that a new process has to stay ready before the next worker is replaced. "
        "One that ends before has made the reload fail.",
    ),
    cfg.FloatOpt(
        "replacement_timeout",
        default=_DEFAULTS.replacement_timeout,
        min=0.0,
        help="Seconds within which a new process has to become ready, and a worker that reloads in "
        "place has to be done; else the reload has failed. 0 is without end.",
    ),
]

NOTIFIER_OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        "notifier_type",
        help="The notifier plugin (an entry point of cotyledon.notifiers); the section's own "
        "NAME unless given.",
    ),
]


def _names(*lists: list[cfg.Opt]) -> frozenset[str]:
    return frozenset(option.dest for options in lists for option in options)


RESERVED = {
    Namespace.SERVICES: _names(SERVICE_OPTIONS),
    Namespace.RESTART_POLICIES: _names(SERVICE_OPTIONS, MANAGER_OPTIONS),
    Namespace.NOTIFIERS: _names(NOTIFIER_OPTIONS),
}
"""Names that a plugin's option must not have, since they stand in the same section."""


def list_opts() -> list[tuple[cfg.OptGroup | None, list[cfg.Opt]]]:
    """Every option there is, for oslo-config-generator and the Sphinx extension.

    Each installed plugin is shown as if a section had its name. One that is
    broken is left out, with a warning.
    """
    of_services = explained(SERVICE_OPTIONS, SERVICE_MARKS)
    listed = [
        (None, DEFAULT_OPTIONS),
        (cfg.OptGroup(MANAGER), explained(MANAGER_OPTIONS, MANAGER_MARKS) + _policy_options()),
        (cfg.OptGroup(CONTROL), explained(CONTROL_OPTIONS, CONTROL_MARKS)),
        *_sections(Namespace.SERVICES, SERVICE, of_services),
        *_sections(Namespace.NOTIFIERS, NOTIFIER, NOTIFIER_OPTIONS),
        (cfg.OptGroup(f"{SOCKET}http"), explained(SOCKET_OPTIONS, SOCKET_MARKS)),
    ]
    return [(group, copy.deepcopy(options)) for group, options in listed]


def _sections(
    namespace: Namespace, prefix: str, common: list[cfg.Opt]
) -> Iterator[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    for info, own in _options_by_plugin(namespace):
        kind = prefix.rstrip(":")
        text = f"A {kind} of the type {info.name}, from the distribution {info.distribution}."
        yield cfg.OptGroup(f"{prefix}{info.name}", help=text), common + own


def _policy_options() -> list[cfg.Opt]:
    """The options of all restart policies; several may share one."""
    by_name: dict[str, cfg.Opt] = {}
    for info, own in _options_by_plugin(Namespace.RESTART_POLICIES):
        for option in own:
            found = in_files(info.name, option)
            by_name.setdefault(found.dest, found)
    return list(by_name.values())


def _options_by_plugin(namespace: Namespace) -> Iterator[tuple[PluginInfo, list[cfg.Opt]]]:
    for info in discover():
        if info.namespace != namespace:
            continue
        try:
            if info.plugin is None:
                raise PluginError(info.error)
            yield info, plugin_options(info.plugin, RESERVED[namespace])
        except PluginError as error:
            LOG.warning("left out: %s", error)
