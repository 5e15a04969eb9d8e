"""Programs with a ``main()`` of their own, whose configuration names a control socket."""

from __future__ import annotations

import os

from oslo_config import cfg
from support import Recording, main, manager, record

import cotyledon_core as cotyledon
from cotyledon_core.control import SOCKET_VARIABLE


class Web(Recording):
    name = "web"

    def run(self) -> None:
        self._note("run", socket=os.environ.get(SOCKET_VARIABLE))


def configuration() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    conf(["--config-file", "app.conf"], project="app")
    return conf


def adding() -> None:
    """Adds its service itself; the configuration says how it is supervised."""
    made = manager(conf=configuration())
    made.add(Web)
    made.run()


def built() -> None:
    """Runs what the configuration names."""
    made = cotyledon.ServiceManager.from_config(configuration())
    record("manager")
    made.run()


if __name__ == "__main__":
    main(globals())
