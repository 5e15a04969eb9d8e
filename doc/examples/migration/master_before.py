import os
import signal
import socket
import sys
import time

WORKERS = 2
children = {}
stopping = False


def serve(number, listener):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(f"worker {number}, pid {os.getpid()}\n".encode())


def spawn(number, listener):
    pid = os.fork()
    if pid == 0:
        serve(number, listener)
    children[pid] = number


def stop(*_):
    global stopping
    stopping = True
    for pid in children:
        os.kill(pid, signal.SIGTERM)


def reload(*_):
    for pid in children:  # the main loop starts new ones
        os.kill(pid, signal.SIGTERM)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, reload)
    for number in range(WORKERS):
        spawn(number, listener)
    while children:
        pid, status = os.wait()
        number = children.pop(pid)
        if not stopping:
            time.sleep(0.1)  # or a worker that cannot start takes a whole processor
            spawn(number, listener)
