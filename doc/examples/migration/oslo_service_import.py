import sys

from oslo_config import cfg

from cotyledon_core.compat.oslo_service import service


class Sweeper(service.Service):
    def start(self):
        self.tg.add_timer(0.1, self.sweep)

    def sweep(self):
        print("swept", flush=True)

    def reset(self):
        print("options read again", flush=True)


if __name__ == "__main__":
    conf = cfg.ConfigOpts()
    conf(sys.argv[1:], project="sweeper")
    launcher = service.launch(conf, Sweeper(), workers=2, restart_method="mutate")
    sys.exit(launcher.wait())
