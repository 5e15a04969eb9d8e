import threading

import cotyledon


class Ticker(cotyledon.Service):
    name = "ticker"

    def __init__(self, worker_id, interval):
        super().__init__(worker_id)
        self._interval = interval
        self._stopping = threading.Event()

    def run(self):
        while not self._stopping.wait(self._interval):
            print(f"worker {self.worker_id} at work", flush=True)

    def terminate(self):
        self._stopping.set()


if __name__ == "__main__":
    manager = cotyledon.ServiceManager(graceful_shutdown_timeout=10)
    manager.add(Ticker, workers=2, args=(0.1,))
    manager.run()
