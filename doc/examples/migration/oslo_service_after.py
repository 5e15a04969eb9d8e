import sys

from futurist import periodics
from oslo_config import cfg

import cotyledon_core as cotyledon
from cotyledon_core import oslo_config_glue


class Sweeper(cotyledon.PeriodicService):
    @periodics.periodic(spacing=0.1)
    def sweep(self):
        print("swept", flush=True)

    def reload(self):
        print("options read again", flush=True)


if __name__ == "__main__":
    conf = cfg.ConfigOpts()
    conf(sys.argv[1:], project="sweeper")
    manager = cotyledon.ServiceManager()
    manager.add(Sweeper, workers=2, kwargs={"workers": 2, "partition": "callables"})
    oslo_config_glue.setup(manager, conf, reload_method="mutate")
    manager.run()
