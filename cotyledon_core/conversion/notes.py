"""What is said of what has no equal here, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping

OFF = frozenset(("", "false", "no", "off", "0", "none"))
"""Values of a key that ask for nothing; of most keys."""

LOG = (
    "the log goes to standard error (cotyledon run --log-level); the journal or logrotate keeps it"
)
HERE = frozenset(("auto", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2"))
"""Log files that need no word."""

OUTPUT = (
    "what a program writes goes where the manager's output goes, such as the journal; to keep a "
    "file, let the program write it, or run /bin/sh -c 'exec PROGRAM >>FILE 2>&1'"
)
ROTATION = "there is no log file to rotate, see stdout_logfile; logrotate rotates a program's own"
EVENTS = "output is no event here; the notifiers are told of starts, ends and readiness"
CONTROL = "there is no remote control of this kind; SIGHUP takes over a changed file"
UNIT = "is for the manager's own start; in a systemd unit it is "
PROCESS_GROUP = (
    "only the program itself is signalled; one that starts others has to end them, or is to be "
    "started with exec"
)

GROUP = "has no equal; its programs are services like all others"
AUTOSTART = "a service with workers = 0 waits; raise the number and send SIGHUP to start it"
PRIORITY = (
    "the services are listed in this order, and started without waiting for each other; "
    "start_after waits until another one is ready, and has it stopped later"
)
NEVER = "a program that ends within startsecs is not started again either"
RETRIES = (
    "counts the restarts of all processes of the service within limited_period; the service is "
    "given up as a whole, and begins anew when its section changes"
)
DEFAULT_RETRIES = (
    "is not set, and supervisord gives up after 3 fast ends; here a program is started again with "
    "growing waits, for ever (restart_policy = limited gives up)"
)

SUPERVISORD = {
    "logfile": LOG,
    "logfile_maxbytes": LOG,
    "logfile_backups": LOG,
    "loglevel": LOG,
    "silent": LOG,
    "pidfile": "the manager stays in the foreground; systemd knows its pid",
    "nodaemon": "",
    "minfds": UNIT + "LimitNOFILE=; for a single program there is rlimits",
    "minprocs": UNIT + "LimitNPROC=; for a single program there is rlimits",
    "nocleanup": OUTPUT,
    "childlogdir": OUTPUT,
    "strip_ansi": OUTPUT,
    "user": "stands with each service that has no other; for the manager itself it is User= of "
    "its systemd unit",
    "umask": "",
    "directory": "",
    "environment": "",
    "identifier": "",
}
PROGRAM = {
    "stopasgroup": PROCESS_GROUP,
    "killasgroup": PROCESS_GROUP,
    "redirect_stderr": "standard output and standard error both go where the manager's go",
    "stdout_logfile": OUTPUT,
    "stderr_logfile": OUTPUT + "; capture_stderr = true has it in the manager's log, line by line",
    "serverurl": CONTROL,
    **{
        f"{stream}_{what}": text
        for stream in ("stdout", "stderr")
        for what, text in {
            "logfile_maxbytes": ROTATION,
            "logfile_backups": ROTATION,
            "syslog": "the journal, or logger(1) behind a pipe, does it",
            "capture_maxbytes": EVENTS,
            "events_enabled": EVENTS,
        }.items()
    },
}
SECTIONS = {
    "unix_http_server": CONTROL,
    "inet_http_server": CONTROL,
    "supervisorctl": CONTROL,
    "rpcinterface:": CONTROL,
    "ctlplugin:": CONTROL,
    "eventlistener:": "speaks supervisord's event protocol; a notifier is told of events here "
    "(cotyledon.notifiers)",
    "fcgi-program:": "the manager opens no socket for its programs; let the program open it, or "
    "let systemd do it (a socket unit), then add a service",
}
CONVERTED = ("supervisord", "include", "program:", "group:")
UNKNOWN = "is no key of the original's that is known; it is left out"

_LOGGING = ("loglevel", "logoutput", "loggerconfig", "debug", "debug_gc")
_CONTROL = (
    *("endpoint", "endpoint_owner", "pubsub_endpoint", "multicast_endpoint", "stats_endpoint"),
    *("statsd", "httpd", "httpd_host", "httpd_port", "fqdn_prefix"),
)
CIRCUS = {
    **dict.fromkeys(_LOGGING, LOG),
    **dict.fromkeys(_CONTROL, CONTROL),
    "check_delay": "an end is seen when it happens; nothing is polled",
    "warmup_delay": "spawn_interval of [cotyledon] is the least time between any two starts",
    "pidfile": SUPERVISORD["pidfile"],
    "umask": "",
    "include": "",
    "include_dir": "",
}
SOCKETS = (
    "a program finds its sockets by LISTEN_FDS here, as from systemd; if it can, write "
    "sockets = NAME and an address in [socket:NAME], else let it open them, with SO_REUSEPORT"
)
WATCHER = {
    "warmup_delay": CIRCUS["warmup_delay"],
    "stop_children": PROCESS_GROUP,
    "copy_path": "PYTHONPATH is what the manager's environment has, or this service's",
    "singleton": "",
    "use_sockets": SOCKETS,
    "stdin_socket": SOCKETS,
    "on_demand": SOCKETS,
    "max_age_variance": "is recycle_jitter here, a part of max_lifetime",
    "virtualenv": "name the program with its path in the virtual environment",
    "executable": "name the program in command",
    "shell_args": "write them into command",
    "close_child_stdin": "standard input is the manager's; write </dev/null behind a shell",
    "close_child_stdout": OUTPUT,
    "close_child_stderr": OUTPUT,
}
HOOK = (
    "has no equal for a program; the notifiers are told of starts, readiness and ends, and a "
    "Service in Python has __init__, run() and terminate()"
)
CIRCUS_SECTIONS = {
    "socket:": SOCKETS,
    "plugin:": "the notifiers are told of events (cotyledon.notifiers); max_memory of a Service in "
    "Python and the restart policies do what circus's own plugins do",
}
CIRCUS_CONVERTED = ("circus", "env", "env:", "watcher:")
CLEAN_ENVIRONMENT = (
    "circus starts a program with the variables of its file only, unless copy_env is set; here it "
    "has those of the manager too"
)
CIRCUS_RETRIES = (
    "a program is started again with growing waits; restart_policy = limited gives up after "
    "limited_max_restarts in limited_period seconds"
)


def of(key: str, value: str | None, known: Mapping[str, str]) -> str:
    """What is to be said of a key; nothing if it only says what is so anyway."""
    if key not in known:
        return UNKNOWN
    silent = HERE if key.endswith("_logfile") else OFF
    return "" if (value or "").strip().lower() in silent else known[key]


def of_section(section: str) -> str:
    """What is to be said of a section of supervisord's; nothing if it was converted."""
    return _of_section(section, SECTIONS, CONVERTED)


def of_circus_section(section: str) -> str:
    """What is to be said of a section of circus's; nothing if it was converted."""
    return _of_section(section, CIRCUS_SECTIONS, CIRCUS_CONVERTED)


def _of_section(section: str, known: Mapping[str, str], converted: tuple[str, ...]) -> str:
    kind = section.partition(":")[0] + (":" if ":" in section else "")
    return "" if kind in converted else known.get(kind, "is unknown; it is left out")
