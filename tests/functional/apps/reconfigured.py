"""Applications whose configuration changes: ``cotyledon``, and one with a ``main()`` of its own."""

from __future__ import annotations

import signal
import sys
from typing import Any

from installing import install
from oslo_config import cfg
from reconfigured_plugins import ENTRY_POINTS, PAINT
from support import record

import cotyledon_core as cotyledon
from cotyledon_core.cli.main import main


def own(*arguments: str) -> None:
    """An application that uses ``cfg.CONF``."""

    def look(event: str) -> None:
        record(event, fixed=conf.fixed, soft=conf.soft)

    conf = cfg.CONF
    conf.register_opts(PAINT)
    conf(list(arguments), project="application")
    made = cotyledon.ServiceManager.from_config(conf)
    record("manager")
    conf.register_mutate_hook(lambda *_: look("manager mutated"))
    made.register_hooks(on_new_worker=lambda *_: look("worker has"))
    made.run()


def operated(count: str, *arguments: str) -> None:
    """Have SIGUSR1 scale the first service to this count."""
    from cotyledon_core.config import loader

    made = cotyledon.ServiceManager.from_config(loader.load(arguments))
    record("manager")
    service_id = next(iter(made._registry.ids.values()))

    def scale(*_: Any) -> None:
        made.reconfigure(service_id, int(count))

    signal.signal(signal.SIGUSR1, scale)
    made.run()


if __name__ == "__main__":
    install(ENTRY_POINTS)
    if sys.argv[1] in ("own", "operated"):
        globals()[sys.argv[1]](*sys.argv[2:])
    else:
        sys.exit(main())
