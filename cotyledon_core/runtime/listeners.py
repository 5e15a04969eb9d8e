"""The sockets that services serve on, by name: where each comes from, and who keeps it.

One that the service manager passes under a name wins over one that the manager
would open itself. A socket is opened when the first service asks for it, and
stays open until the manager ends. What the manager has opened is put into the
service manager's store, where there is one, and found there again by the
manager that is started after it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping

from cotyledon_core import activation
from cotyledon_core.exceptions import ConfigurationError
from cotyledon_core.listening import Address, Listening
from cotyledon_core.log import Log
from cotyledon_core.process import listening
from cotyledon_core.process.fd_store import Store, is_stored, plain
from cotyledon_core.runtime.services import ServiceDefinition
from cotyledon_core.types import ServiceId

LOG = Log("cotyledon_core")

NamedDescriptor = tuple[str, int]


class _Faults(list[str]):
    """One line for each."""

    cause: OSError | None = None
    """What the system has refused first."""


class Listeners:
    """See the module's description.

    :param definitions: the services that the manager has, which ask for sockets.
    """

    def __init__(self, definitions: MutableMapping[ServiceId, ServiceDefinition]) -> None:
        self._definitions = definitions
        self.given: dict[str, Listening] = {}
        """What the program says."""
        self.configured: Mapping[str, Listening] = {}
        """What the configuration says; it stands above the program."""
        self._open: dict[str, tuple[listening.Open, ...]] = {}
        self._passed: dict[str, list[int]] = {}
        self._stored: dict[str, list[int]] = {}
        self._environment: Mapping[str, str] = {}
        self._store: Store | None = None
        self._adopted = self._running = False

    def begin(self, environment: Mapping[str, str]) -> None:
        """The manager runs from now on; open what its services ask for.

        :param environment: what the service manager has put there for the manager.
        :raises ConfigurationError: with every fault found.
        """
        self._environment, self._running = environment, True
        self._store = Store.offered(environment)
        if any(map(is_stored, environment.get("LISTEN_FDNAMES", "").split(":"))):
            self._adopt()
        self._open_asked()
        for name in list(self._stored):
            self._drop_stored(name)

    def admit(self, definition: ServiceDefinition) -> None:
        """A service is added: open what it asks for, or drop it.

        :raises ConfigurationError: if that cannot be had.
        """
        try:
            self.open()
        except ConfigurationError:
            del self._definitions[definition.service_id]
            raise

    def _asked(self) -> dict[str, str]:
        """By a socket's name: a service that asks for it."""
        services = list(self._definitions.values())
        return {name: service.name for service in services for name in service.options.sockets}

    def open(self) -> None:
        """Open what is asked for and not open yet; before and after a run nothing.

        :raises ConfigurationError: with every fault found; nothing more is open then.
        """
        before = set(self._open)
        try:
            self._open_asked()
        except ConfigurationError:
            for name in self._open.keys() - before:
                self._close(name)
            raise

    def _open_asked(self) -> None:
        asked = self._asked()
        if not asked or not self._running:
            return
        self._adopt()
        faults = _Faults()
        for name, service in asked.items():
            if name not in self._passed and self._wanted(name) is None:
                faults.append(f"service {service}: sockets: {_unknown(name)}")
            elif name not in self._open:
                self._open_one(name, faults)
        if faults:
            raise ConfigurationError(faults) from faults.cause

    def close_unused(self) -> None:
        """Close what the manager has opened and nobody asks for any more."""
        wanted = self._asked()
        for name in list(self._open):
            if name not in wanted:
                self._close(name)

    def _close(self, name: str) -> None:
        """Close what the manager has opened; what was passed could not be had again."""
        if name in self._passed:
            return
        for one in self._open.pop(name):
            one.close(unlink=True)
        self._remove(name)

    def of(self, names: Iterable[str]) -> tuple[NamedDescriptor, ...]:
        """The descriptors of these sockets, those of one name behind each other."""
        return tuple((name, one.descriptor) for name in names for one in self._open.get(name, ()))

    def close(self) -> None:
        """The manager has ended: close all; files stay where the store keeps their sockets."""
        self._running = False
        opened, self._open = self._open, {}
        for sockets in opened.values():
            for one in sockets:
                one.close(unlink=self._store is None)

    # -- where they come from

    def _wanted(self, name: str) -> Listening | None:
        return self.configured.get(name) or self.given.get(name)

    def _adopt(self) -> None:
        """Take over what was passed; left to the program as long as nobody asks."""
        if self._adopted:
            return
        self._adopted = True
        for name, descriptor in activation.passed(self._environment, os.getpid()):
            try:
                listening.adopt(descriptor)
            except OSError as error:
                text = f"environment variable LISTEN_FDS: there is no descriptor {descriptor}"
                raise ConfigurationError([f"{text} ({error.strerror})"]) from None
            kept = self._stored if is_stored(name) else self._passed
            kept.setdefault(plain(name), []).append(descriptor)

    def _open_one(self, name: str, faults: _Faults) -> None:
        if name in self._passed:
            self._open_passed(name, faults)
            return
        wanted = self._wanted(name)
        assert wanted is not None
        kept = self._take_back(name, wanted)
        fresh, wrong = _listen([each for each in wanted.address if each not in kept], wanted)
        if wrong:
            faults += [f"[socket:{name}] address: {text}" for text in wrong]
            faults.cause = faults.cause or wrong.cause
            self._stored[name] += [one.descriptor for one in kept.values()]
            return
        every = {**kept, **fresh}
        self._open[name] = tuple(every[address] for address in wanted.address)
        missing = every if self._drop_stored(name) else fresh
        descriptors = [one.descriptor for one in missing.values()]
        self._tell(name, lambda store: store.put(name, descriptors))

    def _open_passed(self, name: str, faults: list[str]) -> None:
        descriptors = self._passed[name]
        found = {descriptor: listening.fault(descriptor) for descriptor in descriptors}
        wrong = [
            f"environment variable LISTEN_FDS: {name}, descriptor {number}, {why}"
            for number, why in found.items()
            if why
        ]
        faults += wrong
        if not wrong:
            self._open[name] = tuple(map(listening.Open, descriptors))

    # -- the store

    def _take_back(self, name: str, wanted: Listening) -> dict[Address, listening.Open]:
        """Those that the store has kept, by where they are bound."""
        found: dict[Address, listening.Open] = {}
        for descriptor in list(self._stored.setdefault(name, [])):
            for address in wanted.address:
                if address in found:
                    continue
                opened = listening.take_back(descriptor, address, wanted)
                if opened is not None:
                    found[address] = opened
                    self._stored[name].remove(descriptor)
                    break
        return found

    def _drop_stored(self, name: str) -> bool:
        """Have those dropped that are not used; whether there were any: a name's go together."""
        unused = self._stored.pop(name, [])
        for descriptor in unused:
            listening.Open(descriptor).close(unlink=False)
        if unused:
            self._remove(name)
        return bool(unused)

    def _remove(self, name: str) -> None:
        self._tell(name, lambda store: store.remove(name))

    def _tell(self, name: str, what: Callable[[Store], None]) -> None:
        if self._store is None:
            return
        try:
            what(self._store)
        except OSError as error:
            LOG.warning(
                "socket %s: the store of the service manager cannot be told: %s", name, error
            )


def _unknown(name: str) -> str:
    return (
        f"there is no socket {name!r}; give it an address in [socket:{name}], or have systemd "
        f"pass it (FileDescriptorName={name} in its socket unit)"
    )


def _listen(
    addresses: Iterable[Address], wanted: Listening
) -> tuple[dict[Address, listening.Open], _Faults]:
    """Listen on all of them, or on none; what is open, and the faults."""
    opened: dict[Address, listening.Open] = {}
    faults = _Faults()
    for address in addresses:
        try:
            opened[address] = listening.listen(address, wanted)
        except OSError as error:
            faults.append(f"cannot listen on {address}: {error.strerror or error}")
            faults.cause = faults.cause or error
    if faults:
        for one in opened.values():
            one.close(unlink=True)
    return opened, faults
