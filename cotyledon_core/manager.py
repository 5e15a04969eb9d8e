"""The manager's face: Cotyledon's API over the engine."""

from __future__ import annotations

import _thread
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from cotyledon_core import arguments
from cotyledon_core.log import Log
from cotyledon_core.process import contexts, session, title
from cotyledon_core.supervision import messages as msg
from cotyledon_core.types import ServiceId

if TYPE_CHECKING:
    from typing import Unpack

    from cotyledon_core.config.added import AddedServices
    from cotyledon_core.config.settings import ManagerSettings
    from cotyledon_core.listening import Listen
    from cotyledon_core.plugins.notifier import Notifier
    from cotyledon_core.plugins.restart_policy import RestartPolicy
    from cotyledon_core.runtime.reconfiguration import Reconfiguration
    from cotyledon_core.runtime.reload import Reload
    from cotyledon_core.service_keywords import ServiceKeywords

LOG = Log("cotyledon_core")

_UNPACED = float("0.01")
"""Cotyledon's default of ``wait_interval``: recognised by identity, it paces nothing."""
_ADD_KEYWORDS = ("workers", "args", "kwargs", "name", "restart_policy")


class ServiceManager:
    """Starts, supervises, reloads, scales and stops the workers of services.

    An application makes one manager, adds its services and calls :meth:`run`.
    Signals: SIGTERM stops gracefully, SIGINT at once, SIGHUP reloads, SIGALRM
    ends by force.

    :param wait_interval: the least seconds between two spawns; left alone, there are none.
    :param graceful_shutdown_timeout: seconds that a stop may take before
        it is forced; 0 waits without end.
    :param mp_context: the multiprocessing context that makes the workers;
        the start method that the application has set, else fork.
    :param dump_signal: name or number of the signal that asks a worker for
        the stacks of its threads; SIGRTMIN+1 unless given, 0 for none. A
        signal that the application handles itself is left to it.
    :param stop_delay: seconds from an accepted stop until the workers are asked
        to end, a part of ``graceful_shutdown_timeout``.
    :param conf: an ``oslo_config.cfg.ConfigOpts`` of the application's; what its sections
        ``[cotyledon]`` and ``[service:NAME]`` say, if it has any, stands above what is given
        here and to :meth:`add`.
    :raises RuntimeError: if there is a manager that has not ended.
    :raises ConfigurationError: with every fault in those sections.
    :raises ValueError: if ``dump_signal`` cannot ask for stacks, if ``stop_delay`` or
        ``graceful_shutdown_timeout`` is no number of 0 or more, or if the former is not
        below the latter.
    """

    _process_runner_already_created = False

    def __init__(
        self,
        wait_interval: float = _UNPACED,
        graceful_shutdown_timeout: int = 60,
        mp_context: Any = None,
        *,
        dump_signal: int | str | None = None,
        stop_delay: float = 0.0,
        conf: Any = None,
    ) -> None:
        if self._process_runner_already_created:
            raise RuntimeError("Only one instance of ServiceManager per application is allowed")
        # now and not in run(), where workers wait for it
        from cotyledon_core.runtime import notifiers  # noqa: F401
        from cotyledon_core.runtime.engine import Engine
        from cotyledon_core.runtime.registry import Registry

        spawn_interval = 0.0 if wait_interval is _UNPACED else float(wait_interval)
        arguments.check_grace(graceful_shutdown_timeout)
        arguments.check_stop_delay(stop_delay, graceful_shutdown_timeout)
        added = None if conf is None else _added_services(conf)
        self._engine = Engine(graceful_shutdown_timeout)
        self._engine.spawn_interval = spawn_interval
        self._engine.stop_delay = float(stop_delay)
        if dump_signal is not None:
            self._engine.dump_signal = arguments.dump_signal(dump_signal)
        self._mp_context = mp_context
        self._registry = Registry()
        self._registry.added = added
        self._unfinished = _thread.allocate_lock()
        self._unfinished.acquire()
        self._pid, self._thread = os.getpid(), _thread.get_ident()
        self._notifiers: dict[str, Notifier] = {}
        self._has_defaults = True
        self._name = title.program_name()
        title.set_title(f"{title.program_name()}: master process [{' '.join(sys.argv)}]")
        if added is not None:
            self._configure(added.settings)
        if conf is not None:
            from cotyledon_core.runtime.added import AddedReloader

            self._engine.reloader = AddedReloader(partial(_added_services, conf), self._registry)
        session.lead()
        ServiceManager._process_runner_already_created = True

    # -- settings

    @property
    def mp_context(self) -> Any:
        """The multiprocessing context that makes the workers; may be set."""
        return contexts.default() if self._mp_context is None else self._mp_context

    @mp_context.setter
    def mp_context(self, context: Any) -> None:
        self._mp_context = context

    @property
    def stop_delay(self) -> float:
        """Seconds from an accepted stop until the workers are asked to end; set it before a run."""
        return self._engine.stop_delay

    @stop_delay.setter
    def stop_delay(self, seconds: float) -> None:
        arguments.check_stop_delay(seconds, self._engine.grace)
        self._engine.stop_delay = float(seconds)

    @property
    def _graceful_shutdown_timeout(self) -> float:
        return self._engine.grace

    @_graceful_shutdown_timeout.setter
    def _graceful_shutdown_timeout(self, seconds: float) -> None:
        arguments.check_grace(seconds)
        self._engine.set_grace(seconds)

    def register_hooks(
        self,
        on_terminate: Callable[[], None] | None = None,
        on_reload: Callable[[], None] | None = None,
        on_new_worker: Callable[..., None] | None = None,
        on_dead_worker: Callable[..., None] | None = None,
    ) -> None:
        """Register functions to be called; may be called several times.

        Hooks run in the order in which they were registered; if one raises,
        those of its kind behind it are not run. In the manager they run on its
        only thread.

        :param on_terminate: called in the manager when it begins to stop.
        :param on_reload: called in the manager on SIGHUP, before the workers are told.
        :param on_new_worker: called with service id, worker id and the service
            in each new worker, when the service was made.
        :param on_dead_worker: called with service id, worker id and exit code
            (negative for a signal, None if it cannot be known) in the manager
            when a worker has ended.
        :raises TypeError: for what is no callable.
        """
        given = {
            "terminate": on_terminate,
            "reload": on_reload,
            "new_worker": on_new_worker,
            "dead_worker": on_dead_worker,
        }
        for kind, hook in given.items():
            if hook is not None:
                arguments.check_callable(hook, f"on_{kind}")
                getattr(self._engine.hooks, kind).append(hook)

    def add_notifier(self, notifier: Notifier, name: str | None = None) -> None:
        """Tell events to a notifier, beside the log and, where it listens, systemd.

        :param notifier: takes the place of one of these if it is of its kind; before :meth:`run`.
        :param name: for messages; its class's name unless given.
        """
        from cotyledon_core.runtime.services import unique_name

        name = unique_name(name or type(notifier).__name__, self._notifiers)
        self._notifiers[name] = notifier

    # -- services

    def add(
        self,
        service: Callable[..., Any],
        workers: int = 1,
        args: Any = None,
        kwargs: Any = None,
        *,
        name: str | None = None,
        restart_policy: RestartPolicy | str | None = None,
        **options: Unpack[ServiceKeywords],
    ) -> ServiceId:
        """Add a service; at any time, from any thread.

        :param service: makes the :class:`Service` in each worker; gets the
            worker id, then ``args`` and ``kwargs``.
        :param workers: how many worker processes, at least 1.
        :param name: unique in the manager; the class's unless given, with a
            number behind it where it is taken.
        :param restart_policy: what follows an end that nobody asked for;
            a policy, or the name that one is installed under, for its defaults;
            unless given, workers are always restarted, with back-off.
        :param options: the options of a service's section that concern
            supervision, such as ``start_timeout=30``; see :class:`.ServiceOptions`.
        :raises TypeError: if ``service`` is not callable or a class that cannot be
            a service, if ``restart_policy`` is neither, or for an unknown option.
        :raises PluginError: if no policy of that name is installed, or it is broken.
        :raises ValueError: if ``workers`` is no int of at least 1, or for an
            impossible value of an option, such as ``start_after`` with the name of
            a service that was not added before.
        :raises ConfigurationError: while the manager runs, if it cannot listen on
            what ``sockets`` asks for.
        """
        from cotyledon_core.service_options import ServiceOptions

        arguments.check_service(service)
        arguments.check_workers(workers, 1)
        arguments.check_names("add()", options, (*_ADD_KEYWORDS, *ServiceOptions.field_names))
        given = {
            "workers": workers,
            "restart_policy": arguments.restart_policy(restart_policy),
            **options,
        }
        definition = self._registry.define_added(
            service, name, given, () if args is None else args, {} if kwargs is None else kwargs
        )
        with self._registry.keeping(definition):
            self._engine.add(definition)
        return definition.service_id

    def listen(self, name: str, address: str | Sequence[str], **options: Unpack[Listen]) -> None:
        """Give an address to a socket that services ask for by ``sockets=``; before :meth:`run`.

        What systemd passes under this name, and what a configuration says of it, stand above it.

        :param address: such as ``127.0.0.1:8080``, ``[::1]:8080``, ``/run/name.sock`` or
            ``@name``; may be several.
        :param options: ``backlog``, ``mode`` of a Unix socket, and ``reuse_port``.
        :raises TypeError: for an unknown option.
        :raises ValueError: for an impossible value.
        """
        from cotyledon_core.listening import Listening

        arguments.check_names("listen()", options, Listening.field_names)
        self._engine.listeners.given[name] = Listening.checked(address=address, **options)

    def reconfigure(self, service_id: ServiceId, workers: int) -> None:
        """Change a service's number of workers, at once; from any thread or hook.

        :param workers: 0 is none.
        :raises ValueError: for an unknown service, or if ``workers`` is no int of at least 0.
        """
        self._check_known(service_id)
        arguments.check_workers(workers, 0)
        self._engine.scale(service_id, workers)

    def stop_service(self, service_id: ServiceId) -> None:
        """Stop a service gracefully; from any thread or hook.

        It has no worker until it is started or restarted again, whatever a reload,
        :meth:`reconfigure` or its restart policy say.

        :raises ValueError: for an unknown service.
        """
        self._command(service_id, msg.OperatorStop(service_id))

    def start_service(self, service_id: ServiceId) -> None:
        """Start a service that was stopped, given up or left ended; from any thread or hook.

        Workers that wait for their back-off are started at once.

        :raises ValueError: for an unknown service.
        """
        self._command(service_id, msg.OperatorStart(service_id))

    def restart_service(self, service_id: ServiceId, rolling: bool = True) -> None:
        """Give a service new processes, without any change; from any thread or hook.

        It also starts what :meth:`start_service` would. A rolling restart ends where a reload
        would fail: nobody else is replaced when a new process is lost.

        :param rolling: replace workers as a reload does, so many at a time; else all at once.
        :raises ValueError: for an unknown service.
        """
        self._command(service_id, msg.OperatorRestart(service_id, rolling=bool(rolling)))

    def _command(self, service_id: ServiceId, command: msg.OperatorCommand) -> None:
        self._check_known(service_id)
        self._engine.command(command)

    def _check_known(self, service_id: ServiceId) -> None:
        if service_id not in self._engine.definitions:
            raise ValueError(f"{service_id} service id doesn't exists")

    # -- running

    def run(self) -> NoReturn:
        """Start the services and supervise them until the manager is told to stop.

        It also stops when a service is given up that has ``on_give_up="shutdown"``,
        or when every service was given up or has finished and nothing runs any more.
        Ends by SystemExit: status 0, 1 if the stop had to be forced, or 3 if it
        stopped by itself and a service has failed.

        :raises RuntimeError: if it has ended before.
        :raises ConfigurationError: if a socket that a service asks for cannot be had; nothing
            is started then.
        """
        if not self._unfinished.locked():
            raise RuntimeError("this manager has ended; make another one")
        from cotyledon_core.runtime.notifiers import with_defaults

        self._thread = _thread.get_ident()
        self._registry.tell_unused()
        try:
            status = self._engine.run(
                self._name,
                lambda: self._mp_context,
                with_defaults(self._notifiers) if self._has_defaults else self._notifiers,
                self._reconfiguration,
            )
        finally:
            ServiceManager._process_runner_already_created = False
            if self._unfinished.locked():
                self._unfinished.release()
        sys.exit(status)

    def _reconfiguration(self, reload: Reload) -> Reconfiguration:
        from cotyledon_core.runtime.reconfiguration import Reconfiguration

        return Reconfiguration(
            reload, self._engine, self._registry.ids, self._registry.define_configured
        )

    def reload(self) -> None:
        """Do what SIGHUP does; from any thread or hook. Before and after a run nothing."""
        self._engine.ask_reload()

    def shutdown(self) -> None:
        """Stop everything gracefully.

        From a hook, or the thread that runs the manager, it returns when the
        stop is accepted; from another thread, when the manager has ended.
        After the end it does nothing.
        """
        if os.getpid() != self._pid:
            # in an on_new_worker hook, which runs in the worker
            os.kill(self._pid, signal.SIGTERM)
            return
        if not self._unfinished.locked():
            return
        LOG.info("Manager shutdown requested")
        self._engine.shut_down()
        if _thread.get_ident() != self._thread:
            with self._unfinished:
                pass  # whoever waits is let through one by one

    @classmethod
    def from_config(cls, conf: Any) -> ServiceManager:
        """Make a manager with the services that a configuration names.

        :param conf: an ``oslo_config.cfg.ConfigOpts`` that was called with its
            command line.
        :raises ConfigurationError: with every fault found.
        """
        from cotyledon_core.config.application import build

        settings, reloader = build(conf)
        manager = cls(graceful_shutdown_timeout=settings.graceful_shutdown_timeout)
        manager._configure(settings)
        manager._engine.reloader = reloader
        for service in settings.services:
            manager._engine.add(manager._registry.define_configured(service, None))
        return manager

    def _configure(self, settings: ManagerSettings) -> None:
        """Take over what [cotyledon] says."""
        self._name = settings.name or self._name
        self._engine.spawn_interval = settings.spawn_interval or self._engine.spawn_interval
        self.stop_delay = settings.stop_delay or self.stop_delay
        self._engine.control = settings.control
        if settings.dump_signal is not None:
            self._engine.dump_signal = arguments.dump_signal(settings.dump_signal)
        self._engine.scale_by_signals(settings.scale_signals)
        self._mp_context = contexts.named(settings.start_method) or self._mp_context
        self._engine.listeners.configured = settings.sockets
        self._has_defaults = False
        self._notifiers = {item.name: item.notifier for item in settings.notifiers}


def _added_services(conf: Any) -> AddedServices | None:
    from cotyledon_core.config.added import AddedServices

    return AddedServices.read(conf)
