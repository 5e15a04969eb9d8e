from futurist import periodics

import cotyledon_core as cotyledon


class Housekeeping(cotyledon.PeriodicService):
    @periodics.periodic(spacing=1, run_immediately=True)
    def expire(self):
        print(f"worker {self.worker_id} expires", flush=True)

    @periodics.periodic(spacing=1)
    def sweep(self):
        print(f"worker {self.worker_id} sweeps", flush=True)


if __name__ == "__main__":
    manager = cotyledon.ServiceManager()
    manager.add(Housekeeping, workers=2, kwargs={"workers": 2})
    manager.run()
