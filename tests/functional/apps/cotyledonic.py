"""A program that imports ``cotyledon``, and gets ours by its path alone."""

import cotyledon
from cotyledon import oslo_config_glue
from oslo_config import cfg
from support import context, main, record


class Ticker(cotyledon.Service):
    def run(self) -> None:
        record("run", service=self.name, worker_id=self.worker_id, module=cotyledon.__name__)

    def reload(self) -> None:
        record("reload", color=self.conf.color)

    def __init__(self, worker_id: int, conf: cfg.ConfigOpts) -> None:
        super().__init__(worker_id)
        self.conf = conf


def program() -> None:
    conf = cfg.ConfigOpts()
    conf.register_opt(cfg.StrOpt("color"))
    conf(["--config-file", "app.conf"], project="app")
    manager = cotyledon.ServiceManager(mp_context=context())
    oslo_config_glue.setup(manager, conf)
    manager.add(Ticker, workers=2, args=(conf,))
    record("manager")
    manager.run()


if __name__ == "__main__":
    main({"program": program})
