"""Services with an oslo.config configuration; the first argument says more."""

from oslo_config import cfg
from support import Recording, main, manager, record, sleep_long, watch

from cotyledon_core import oslo_config_glue

OPTIONS = [
    cfg.StrOpt("fixed", default="unset"),
    cfg.StrOpt("mutable", default="unset", mutable=True),
]


def configuration() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    conf(["--config-file", "app.conf"], project="app")
    conf.register_opts(OPTIONS)
    return conf


def values(conf: cfg.ConfigOpts) -> dict[str, str]:
    return {"fixed": conf.fixed, "mutable": conf.mutable}


class Web(Recording):
    """Reloads in place and notes what it sees then."""

    name = "web"

    def __init__(self, worker_id: int, conf: cfg.ConfigOpts) -> None:
        super().__init__(worker_id)
        self.conf = conf

    def run(self) -> None:
        record("seen", service=self.name, **values(self.conf))
        super().run()

    def reload(self) -> None:
        record("reload", service=self.name, **values(self.conf))


class Batch(Recording):
    """Is replaced and notes what its first process sees, and the next."""

    name = "batch"

    def __init__(self, worker_id: int, conf: cfg.ConfigOpts) -> None:
        super().__init__(worker_id)
        self.conf = conf

    def run(self) -> None:
        record("seen", service=self.name, **values(self.conf))
        super().run()


class Endless(Recording):
    name = "endless"

    def terminate(self) -> None:
        super().terminate()
        sleep_long()


def glued(how: str = "reload") -> None:
    def look() -> None:
        record("manager sees", **values(conf))

    made = manager()
    conf = configuration()
    if how == "reload":
        oslo_config_glue.setup(made, conf)
    else:
        oslo_config_glue.register_opts(conf)
        oslo_config_glue.link(made, conf, reload_method="mutate")
    watch(made)
    made.register_hooks(on_reload=look)
    made.add(Web, 2, args=(conf,))
    made.add(Batch, 1, args=(conf,))
    made.run()


def grace() -> None:
    """The grace period comes from the configuration."""
    made = manager(3600)
    conf = configuration()
    oslo_config_glue.setup(made, conf, "mutate")
    watch(made)
    made.add(Endless)
    made.run()


def options() -> None:
    """Registration, listing and a foreign option of the same name."""
    listed = oslo_config_glue.list_opts()
    assert [group for group, _ in listed] == [None]
    names = {option.name for option in listed[0][1]}
    assert names == {"log_options", "graceful_shutdown_timeout"}, names
    conf = configuration()
    oslo_config_glue.register_opts(conf)
    assert conf.graceful_shutdown_timeout == 60
    assert conf.log_options is True
    oslo_config_glue.register_opts(conf)
    conf.clear()
    oslo_config_glue.unregister_opts(conf)
    assert "graceful_shutdown_timeout" not in conf
    conf.register_opt(cfg.IntOpt("graceful_shutdown_timeout", default=7, help="foreign"))
    oslo_config_glue.register_opts(conf)
    assert conf.graceful_shutdown_timeout == 7


def foreign_option() -> None:
    """Somebody else has registered the option that we would."""
    conf = configuration()
    conf.register_opt(cfg.IntOpt("graceful_shutdown_timeout", default=1, help="foreign"))
    made = manager(3600)
    oslo_config_glue.setup(made, conf)
    made.add(Endless)
    made.run()


if __name__ == "__main__":
    main(globals())
