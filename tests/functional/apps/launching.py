"""Services that are launched as by oslo.service; the first argument says how."""

import os
import sys
import threading

from oslo_config import cfg
from support import main, record

from cotyledon_core.compat import oslo_service

oslo_service.install()

from oslo_service import service  # noqa: E402

CONF = cfg.CONF
CONF.register_opt(cfg.StrOpt("color", default="unset", mutable=True))


class Painter(service.Service):
    """Notes what happens to it, and what it sees in the global configuration."""

    def start(self) -> None:
        super().start()
        self.tg.add_timer(3600, lambda: None)
        self._note("start", argument=sys.argv[-1])

    def stop(self, graceful: bool = False) -> None:
        self._note("stop")
        super().stop(graceful)

    def reset(self) -> None:
        self._note("reset")

    def _note(self, event: str, **fields: object) -> None:
        record(event, service=type(self).__name__, color=CONF.color, **fields)


class Unpicklable(Painter):
    name = "second"

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class Plain:
    """Derives from nothing."""

    def start(self) -> None:
        self._stopped = threading.Event()
        record("start", service="Plain", color=CONF.color)

    def stop(self) -> None:
        self._stopped.set()

    def wait(self) -> None:
        self._stopped.wait()

    def reset(self) -> None:
        record("reset", service="Plain", color=CONF.color)


class Failing(Painter):
    def start(self) -> None:
        super().start()
        raise RuntimeError("why")


class Stuck(Painter):
    def stop(self, graceful: bool = False) -> None:
        super().stop(graceful)
        threading.Event().wait()


def configure() -> None:
    CONF(["--config-file", "app.conf"], project="app")


def watch(launcher: object) -> None:
    record("manager")
    launcher._manager.register_hooks(None, on_reload, on_new_worker, on_dead_worker)


def on_reload() -> None:
    record("on_reload")


def on_new_worker(service_id: object, worker_id: int, wrapper: object) -> None:
    record("worker", worker_id=worker_id)


def on_dead_worker(service_id: object, worker_id: int, exit_code: int) -> None:
    record("death", status=exit_code)


def launched(restart_method: str, *classes: str) -> None:
    """Several services in one launcher, two workers each."""
    configure()
    launcher = service.ProcessLauncher(
        CONF, restart_method=restart_method, start_method=os.environ["START_METHOD"]
    )
    for name in classes:
        launcher.launch_service(globals()[name](), workers=2)
    watch(launcher)
    record("end", status=launcher.wait())


def one(name: str) -> None:
    """By the function, whose launcher returns the status."""
    configure()
    launcher = service.launch(CONF, globals()[name]())
    watch(launcher)
    status = launcher.wait()
    record("end", status=status)
    sys.exit(status)


def from_thread(what: str) -> None:
    """Another thread restarts and stops the launcher."""
    configure()
    launcher = service.launch(CONF, Painter(), workers=2, restart_method="mutate")
    watch(launcher)

    def act() -> None:
        while not os.path.exists("go"):
            threading.Event().wait(0.01)
        getattr(launcher, what)()
        record("done")

    thread = threading.Thread(target=act)
    thread.start()
    record("end", status=launcher.wait())
    thread.join()


def waited_for_again(restart_method: str) -> None:
    """What has ended is waited for again, stopped and restarted."""
    configure()
    launcher = service.launch(CONF, Painter(), restart_method=restart_method)
    watch(launcher)
    record("end", status=launcher.wait())
    launcher.stop()
    launcher.restart()
    record("end", status=launcher.wait())


def here(restart_method: str) -> None:
    """In this process."""
    configure()
    record("manager")
    service.launch(CONF, Painter(), no_fork=True, restart_method=restart_method).wait()
    record("end")


if __name__ == "__main__":
    main(
        {
            "launched": launched,
            "one": one,
            "from_thread": from_thread,
            "waited_for_again": waited_for_again,
            "here": here,
        }
    )
