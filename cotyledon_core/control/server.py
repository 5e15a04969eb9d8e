"""Serves the clients of the control socket, in turns of the manager's loop.

Nothing here waits. What has come is taken in when the loop's wait returns;
requests are obeyed after the signals (:meth:`Server.obey`), and what has to be
told is told at the end of the turn (:meth:`Server.tell`). Each turn takes so many
connections, requests and bytes; what is left makes the next wait return at once.
"""

from __future__ import annotations

import selectors
import time
from functools import partial
from typing import Any

from cotyledon_core.control import access
from cotyledon_core.control.access import Level
from cotyledon_core.control.commands import COMMANDS
from cotyledon_core.control.commands.command import Context
from cotyledon_core.control.connection import MAX_TASKS, Connection
from cotyledon_core.control.listener import TEMPORARY, Listener
from cotyledon_core.control.protocol import Code, Refusal, Request, parse
from cotyledon_core.control.steering import Manager
from cotyledon_core.control.tasks import Done, Task
from cotyledon_core.control_settings import ControlSettings
from cotyledon_core.log import Log
from cotyledon_core.runtime.visitors import Visitors

ACCEPT_LIMIT = 16
"""Connections in one turn."""
REQUEST_LIMIT = 16
"""Requests in one turn."""
TASK_TIME = 0.002
"""Seconds of one turn after which no other task takes a step."""
ACCEPT_PAUSE = 1.0
"""Seconds until connections are accepted again that could not be."""

LOG = Log("cotyledon_core")


class Server(Visitors):
    """See the module's description.

    :param manager: what the commands see and steer.
    """

    def __init__(
        self,
        listener: Listener,
        selector: selectors.BaseSelector,
        manager: Manager,
        settings: ControlSettings,
    ) -> None:
        self._listener = listener
        self._selector = selector
        self._manager = manager
        self.settings = settings
        self._connections: dict[Connection, int] = {}
        """With what each is watched for."""
        self._accept_at: float | None = None
        self._watch_listener()

    @property
    def path(self) -> str:
        """Where the socket is."""
        return self._listener.path

    def _watch_listener(self) -> None:
        self._accept_at = None
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    # -- connections

    def _accept(self) -> None:
        for _ in range(ACCEPT_LIMIT):
            try:
                connected = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                if error.errno in TEMPORARY:
                    self._selector.unregister(self._listener)
                    self._accept_at = time.monotonic() + ACCEPT_PAUSE
                return
            self._admit(connected)

    def _admit(self, connected: Any) -> None:
        try:
            peer = access.peer_of(connected)
        except OSError:
            connected.close()
            return
        settings, now = self.settings, time.monotonic()
        level = access.level(peer, access.own_uid(), settings)
        connection = Connection(
            connected, peer, level, now, settings.max_request, settings.max_output
        )
        refusal = None
        if level is Level.NOTHING:
            refusal = Refusal(
                Code.NOT_ALLOWED,
                f"uid {peer.uid} may do nothing here; the ids in [control] say who may",
            )
        elif len(self._connections) >= settings.max_clients:
            refusal = Refusal(Code.TOO_MANY, f"{settings.max_clients} clients are the most")
        if refusal is not None:
            connection.refuse(refusal)
            connection.send(now)
            connection.close()
            return
        self._connections[connection] = 0
        self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Wait for what the connection can do next."""
        wanted = selectors.EVENT_READ if connection.listening else 0
        if connection.waiting:
            wanted = selectors.EVENT_WRITE
        watched = self._connections[connection]
        if wanted == watched:
            return
        ready = partial(self._ready, connection)
        if not watched:
            self._selector.register(connection, wanted, ready)
        elif not wanted:
            self._selector.unregister(connection)
        else:
            self._selector.modify(connection, wanted, ready)
        self._connections[connection] = wanted

    def _ready(self, connection: Connection) -> None:
        if connection in self._connections:
            now = time.monotonic()
            if connection.waiting:
                connection.send(now)
            else:
                connection.receive(now)
            self._settle(connection)

    def _settle(self, connection: Connection) -> None:
        if connection.over:
            self._drop(connection)
        else:
            self._watch(connection)

    def _drop(self, connection: Connection) -> None:
        if self._connections.pop(connection):
            self._selector.unregister(connection)
        connection.close()

    # -- turns

    def deadline(self) -> float | None:
        """When there is something to do at the latest, in monotonic seconds."""
        if any(connection.has_request for connection in self._connections):
            return 0.0
        due = [self._accept_at]
        for connection in self._connections:
            since = connection.idle_since()
            due.append(None if since is None else since + self.settings.idle_timeout)
            due.append(connection.look_at)
            if not connection.waiting:
                due += [task.deadline() for task in connection.tasks]
        return min((when for when in due if when is not None), default=None)

    def obey(self) -> None:
        """Do what clients ask for, as much as one turn may take."""
        left = REQUEST_LIMIT
        for connection in list(self._connections):
            if left and connection.has_request:
                left -= 1
                self._serve(connection)
                # those that were served wait behind the others
                if connection in self._connections:
                    self._connections[connection] = self._connections.pop(connection)

    def _serve(self, connection: Connection) -> None:
        request_id = None
        try:
            line = connection.lines.next()
            if line is None:
                return
            request = parse(line)
            request_id = request.id
            answer = self._answer(connection, request)
        except Refusal as refusal:
            refusal.request_id = request_id if refusal.request_id is None else refusal.request_id
            connection.refuse(refusal)
        except Exception as error:
            LOG.exception("internal error: a control request has failed")
            text = f"internal error: {type(error).__name__}"
            connection.refuse(Refusal(Code.FAILED, text, request_id))
        else:
            if isinstance(answer, Task):
                answer.request_id = request_id
                connection.tasks.append(answer)
            else:
                connection.answer(request_id, answer)

    def _answer(self, connection: Connection, request: Request) -> Any:
        command = COMMANDS.get(request.command)
        if command is None:
            known = ", ".join(COMMANDS)
            text = f"there is no command {request.command!r}; there are {known}"
            raise Refusal(Code.UNKNOWN_COMMAND, text)
        if connection.level < command.level:
            text = f"uid {connection.peer.uid} may only look, not {request.command}"
            raise Refusal(Code.NOT_ALLOWED, text)
        if len(connection.tasks) >= MAX_TASKS:
            text = f"{MAX_TASKS} requests of yours are under way; wait for one"
            raise Refusal(Code.TOO_MANY, text)
        arguments = command.checked(request.arguments)
        context = Context(self._manager, connection.peer, connection.level, time.monotonic())
        return command.run(context, **arguments)

    def tell(self) -> None:
        """Go on with what is under way, and send what there is to send."""
        if not self._connections and self._accept_at is None:
            return
        now = time.monotonic()
        if self._accept_at is not None and self._accept_at <= now:
            self._watch_listener()
        for connection in list(self._connections):
            connection.look(now)
            self._go_on(connection, now)
            connection.send(now)
            since = connection.idle_since()
            if since is not None and since + self.settings.idle_timeout <= now:
                connection.lost = True
            self._settle(connection)

    def _go_on(self, connection: Connection, now: float) -> None:
        for task in connection.under_way():
            if connection.waiting:
                return
            if time.monotonic() - now > TASK_TIME:
                return
            self._step(connection, task, now)
            # those that took a step wait behind the others
            if task in connection.tasks:
                connection.tasks.remove(task)
                connection.tasks.append(task)
            self._connections[connection] = self._connections.pop(connection)

    def _step(self, connection: Connection, task: Task, now: float) -> None:
        tell = partial(connection.tell, task.request_id)
        try:
            done = task.step(now, tell)
        except Refusal as refusal:
            refusal.request_id = task.request_id
            connection.refuse(refusal)
        except Exception as error:
            LOG.exception("internal error: a control request has failed")
            text = f"internal error: {type(error).__name__}"
            connection.refuse(Refusal(Code.FAILED, text, task.request_id))
        else:
            if done is None:
                return
            assert isinstance(done, Done)
            connection.answer(task.request_id, done.value)
        connection.tasks.remove(task)
        task.close()

    def close(self) -> None:
        """Tell what can be told at once, and let go of everybody."""
        self.tell()
        if self._accept_at is None:
            self._selector.unregister(self._listener)
        # first: whoever waits for the manager's end finds the socket gone
        self._listener.close()
        for connection in list(self._connections):
            self._drop(connection)
