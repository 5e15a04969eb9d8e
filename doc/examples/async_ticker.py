import asyncio

import cotyledon_core as cotyledon


class AsyncTicker(cotyledon.AsyncService):
    def __init__(self, worker_id, interval):
        super().__init__(worker_id)
        self._interval = interval
        self._stopping = asyncio.Event()

    async def run(self):
        while not self._stopping.is_set():
            print(f"worker {self.worker_id} at work", flush=True)
            await asyncio.sleep(self._interval)

    async def terminate(self):
        self._stopping.set()

    async def reload(self):
        print(f"worker {self.worker_id} reloads", flush=True)


if __name__ == "__main__":
    manager = cotyledon.ServiceManager(graceful_shutdown_timeout=10)
    manager.add(AsyncTicker, workers=2, args=(1.0,))
    manager.run()
