"""Says in Cotyledon's log lines what happens.

Cotyledon's functional tests wait for these lines, so that without them they
could tell nothing. Each is written where the thing itself has happened: told by
an event, or seen by a hook.
"""

import logging
import os
import time

import cotyledon_core
from cotyledon_core import events

MANAGER, WORKER = "_service_manager", "_service_worker"


def say(level, module, text):
    os.write(1, f"{level}:cotyledon.{module}:{text}\n".encode())


class Lines(cotyledon_core.Notifier):
    """What the manager says."""

    blocking = False

    def __init__(self):
        self.stopping = False
        self._graceful = True

    def notify(self, event):
        if isinstance(event, events.ManagerStopping):
            self._stop(event)
        elif isinstance(event, events.ManagerStopped) and event.status == 0:
            say("DEBUG", MANAGER, "Shutdown finish")
            # the tests look at what their thread has read by the end of this process
            time.sleep(0.5)
        elif isinstance(event, events.WorkerExited):
            self._end(event)

    def _stop(self, event):
        self.stopping = True
        self._graceful = event.graceful
        if event.graceful:
            say("INFO", MANAGER, "Caught SIGTERM signal, graceful exiting of master process")
            say("DEBUG", MANAGER, "Killing services with signal SIGTERM")
            say("DEBUG", MANAGER, "Waiting services to terminate")
        else:
            say("INFO", MANAGER, "Caught SIGINT signal, instantaneous exiting")

    def _end(self, event):
        if event.asked and event.status.code == 1:
            # its own timer has ended it, or SIGINT
            title = f"{event.service}({event.worker_id}) [{event.pid}]"
            text = f"Graceful shutdown timeout (1) exceeded, exiting {title} now."
            if not self._graceful:
                text = f"Caught SIGINT signal, instantaneous exiting of service {title}"
            say("INFO", WORKER, text)


def introduce(service_id, worker_id, service):
    """What a worker says."""
    title = f"{service.name}({worker_id}) [{os.getpid()}]"
    terminate = service.terminate

    def say_and_terminate():
        say("INFO", WORKER, f"Caught SIGTERM signal, graceful exiting of service {title}")
        terminate()

    service.terminate = say_and_terminate
    say("DEBUG", WORKER, f"Run service {title}")


class Manager(cotyledon_core.ServiceManager):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._lines = Lines()
        self.add_notifier(self._lines)
        self.register_hooks(on_new_worker=introduce, on_dead_worker=self._say_end)

    def _say_end(self, service_id, worker_id, exit_code):
        # the tests do not look at the process id
        if not self._lines.stopping:
            say("INFO", MANAGER, f"Child 0 exited with status {exit_code}")


# a worker's own line has the same text
logging.getLogger("cotyledon_core.worker").name = f"cotyledon.{WORKER}"
