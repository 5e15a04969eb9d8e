"""The command ``cotyledon`` with the plugins below; takes its arguments."""

import sys
from typing import Any

from support import Recording, Reloading, record

import cotyledon_core
from cotyledon_core.cli.main import main


class Recorder(Recording):
    """Notes what happens to it, under a name that is configured."""

    @classmethod
    def options(cls) -> Any:
        from oslo_config import cfg

        return [cfg.StrOpt("label", required=True)]

    def __init__(self, worker_id: int, label: str) -> None:
        self.name = label  # type: ignore[misc]
        super().__init__(worker_id)


class InPlace(Recorder, Reloading):
    """Reloads in place."""


class Whole(Recorder):
    """Wants the whole configuration."""

    @classmethod
    def from_conf(cls, worker_id: Any, conf: Any, **options: Any) -> "Whole":
        from oslo_config import cfg

        conf.register_opts([cfg.StrOpt("colour")], "paint")
        record("from_conf", worker_id=worker_id, colour=conf.paint.colour)
        return cls(worker_id, **options)


class Following(Recorder):
    """Follows what of the whole configuration may change while it runs; has no ``reload()``."""

    @classmethod
    def from_conf(cls, worker_id: Any, conf: Any, **options: Any) -> "Following":
        from oslo_config import cfg

        conf.register_opts([cfg.StrOpt("colour"), cfg.StrOpt("gloss", mutable=True)], "paint")
        made = cls(worker_id, **options)
        made.conf = conf
        conf.register_mutate_hook(made.mutated)
        made.note("made")
        return made

    def mutated(self, conf: Any, fresh: Any) -> None:
        self.note("mutated", changed=[name for _, name in fresh])

    def note(self, event: str, **more: Any) -> None:
        paint = self.conf.paint
        self._note(event, seen=[paint.colour, paint.gloss], **more)

    conf: Any


class FollowingInPlace(Following):
    """The same, with a ``reload()``."""

    def reload(self) -> None:
        self.note("reload")


class Knowing(Recorder):
    """Takes no configuration, and reads the global one all the same; has no ``reload()``."""

    def run(self) -> None:
        from oslo_config import cfg

        self._note("knows", colour=cfg.CONF.paint.colour)
        super().run()


class KnowingInPlace(Knowing):
    """The same, with a ``reload()``."""

    def reload(self) -> None:
        from oslo_config import cfg

        self._note("reload", colour=cfg.CONF.paint.colour)


class Bounded(Recorder):
    """Has a grace period of its own; tells which one counts."""

    graceful_shutdown_timeout = 7

    def terminate(self) -> None:
        self._note("terminate", deadline=self.stop_deadline)


class Events(cotyledon_core.Notifier):
    """Notes events; never blocks for long."""

    blocking = False

    def notify(self, event: cotyledon_core.Event) -> None:
        record(event.kind, error=getattr(event, "error", None))


if __name__ == "__main__":
    # Plugins are found by entry point in a module of this name, not in __main__.
    record("manager")
    sys.exit(main())
