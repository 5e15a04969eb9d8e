import os
import socket
import sys

import cotyledon_core as cotyledon


class Server(cotyledon.Service):
    def __init__(self, worker_id, listener):
        super().__init__(worker_id)
        self._listener = listener

    def run(self):
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.sendall(f"worker {self.worker_id}, pid {os.getpid()}\n".encode())


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    manager = cotyledon.ServiceManager(graceful_shutdown_timeout=30)
    manager.add(Server, workers=2, args=(listener,))
    manager.run()
