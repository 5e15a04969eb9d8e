"""Applications with a configuration of their own: ``from_config``, and the glue's methods."""

from __future__ import annotations

from oslo_config import cfg
from support import Recording, main, manager, record

import cotyledon_core as cotyledon
from cotyledon_core import oslo_config_glue


class Seeing(Recording):
    """Notes what its configuration says when it reloads."""

    name = "seeing"

    def __init__(self, worker_id: int, conf: cfg.ConfigOpts) -> None:
        super().__init__(worker_id)
        self._conf = conf

    def reload(self) -> None:
        conf = self._conf
        self._note("reload", fixed=conf.fixed, soft=conf.soft)


def configuration(path: str) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt("fixed"), cfg.StrOpt("soft", mutable=True)])
    conf(["--config-file", path], project="application")
    return conf


def glued(path: str, reload_method: str) -> None:
    conf = configuration(path)
    made = manager()
    oslo_config_glue.setup(made, conf, reload_method)
    made.add(Seeing, 2, args=(conf,))
    made.run()


def added(path: str) -> None:
    """The application adds its service itself."""
    conf = configuration(path)
    made = manager(conf=conf)
    made.add(Seeing, 2, args=(conf,))
    made.run()


def printing(path: str) -> None:
    """A hook of the manager's prints."""

    def tell() -> None:
        print("reloaded", flush=True)
        record("printed")

    conf = configuration(path)
    made = manager(conf=conf)
    made.register_hooks(on_reload=tell)
    made.add(Seeing, 1, args=(conf,))
    made.run()


def reload(path: str) -> None:
    glued(path, "reload")


def mutate(path: str) -> None:
    glued(path, "mutate")


def from_global(path: str) -> None:
    """The application has the ConfigOpts that everybody knows, and looks at it itself."""

    def look() -> None:
        record("manager sees", colour=cfg.CONF.paint.colour)

    cfg.CONF.register_opts([cfg.StrOpt("colour"), cfg.IntOpt("size")], "paint")
    cfg.CONF(["--config-file", path], project="application")
    made = cotyledon.ServiceManager.from_config(cfg.CONF)
    made.register_hooks(on_dead_worker=lambda *died: look())
    record("manager")
    look()
    made.run()


def from_config(path: str) -> None:
    conf = cfg.ConfigOpts()
    conf(["--config-file", path], project="application")
    made = cotyledon.ServiceManager.from_config(conf)
    record("manager")
    made.run()


if __name__ == "__main__":
    main(globals())
