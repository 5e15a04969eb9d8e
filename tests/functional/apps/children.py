"""Workers as children of multiprocessing's kind; the first argument says more."""

import atexit
import contextlib
import logging
import logging.handlers
import multiprocessing
import multiprocessing.connection
import multiprocessing.util
import os
import random
import sys
import threading
from typing import Any

from support import Recording, context, main, manager, record, watch


class Child(Recording):
    """Notes what multiprocessing says of it."""

    name = "child"

    def run(self) -> None:
        parent = multiprocessing.parent_process()
        current = multiprocessing.current_process()
        assert parent is not None
        record(
            "multiprocessing",
            parent=parent.pid,
            parent_alive=parent.is_alive(),
            parent_ended=bool(multiprocessing.connection.wait([parent.sentinel], 0)),
            current=current.pid,
            alive=current.is_alive(),
            main=current.name == "MainProcess",
            daemon=current.daemon,
            children=len(multiprocessing.active_children()),
            random=random.random(),
            threads=[thread.name for thread in threading.enumerate()],
            main_thread=threading.main_thread().ident == threading.get_ident(),
        )
        super().run()


class Parent(Recording):
    """Has a child of its own."""

    name = "parent"

    def run(self) -> None:
        queue = context().Queue()
        child = context().Process(target=answer, args=(queue,))
        child.start()
        got = queue.get(timeout=30)
        child.join()
        record("answered", answer=got, status=child.exitcode)
        super().run()


def answer(queue: Any) -> None:
    queue.put("an answer")


class Producer(Recording):
    name = "producer"

    def __init__(self, worker_id: int, queue: Any, go: Any, lock: Any, value: Any) -> None:
        super().__init__(worker_id)
        self.queue, self.go, self.lock, self.value = queue, go, lock, value

    def run(self) -> None:
        super().run()
        assert self.go.wait(30)
        with self.lock:
            self.value.value += 1
        self.queue.put(("item of", self.worker_id))


class Consumer(Recording):
    name = "consumer"

    def __init__(self, worker_id: int, queue: Any, go: Any, lock: Any, value: Any) -> None:
        super().__init__(worker_id)
        self.queue, self.go, self.lock, self.value = queue, go, lock, value

    def run(self) -> None:
        super().run()
        self.go.set()
        items = sorted(self.queue.get(timeout=30)[1] for _ in range(3))
        with self.lock:
            record("consumed", items=items, value=self.value.value)


class Finalized(Recording):
    """Leaves something to do at its normal end."""

    name = "finalized"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        atexit.register(record, "atexit of worker")
        multiprocessing.util.Finalize(None, record, args=("finalizer of worker",), exitpriority=10)
        self.queue = context().Queue()

    def run(self) -> None:
        super().run()
        print(f"printed by {os.getpid()}", end=";")
        sys.stderr.write(f"written by {os.getpid()};")
        logging.getLogger("application").warning("kept by %d", os.getpid())


def facts() -> None:
    made = manager()
    watch(made)
    made.add(Child, 4)
    made.run()


def parents() -> None:
    made = manager()
    watch(made)
    made.add(Parent, 2)
    made.run()


def queues() -> None:
    chosen = context()
    shared = (chosen.Queue(), chosen.Event(), chosen.Lock(), chosen.Value("i", 0))
    made = manager()
    watch(made)
    made.add(Producer, 3, args=shared)
    made.add(Consumer, 1, args=shared)
    made.run()


def manager_queue() -> None:
    """What a worker puts into a queue reaches the manager."""
    queue = context().Queue()

    def look() -> None:
        record("manager got", item=queue.get(timeout=10))

    made = manager()
    made.register_hooks(on_reload=look)
    made.add(Putting, 1, args=(queue,))
    made.run()


class Putting(Recording):
    name = "putting"

    def __init__(self, worker_id: int, queue: Any) -> None:
        super().__init__(worker_id)
        self.queue = queue

    def run(self) -> None:
        self.queue.put(os.getpid())
        super().run()

    def reload(self) -> None:
        record("reload")


def finalizers() -> None:
    """What is registered in the manager is the manager's own."""
    atexit.register(record, "atexit of manager")
    multiprocessing.util.Finalize(None, record, args=("finalizer of manager",), exitpriority=10)
    handler = logging.FileHandler("kept.log")
    memory = logging.handlers.MemoryHandler(1000, logging.CRITICAL, handler)
    logging.getLogger("application").addHandler(memory)
    logging.getLogger("application").propagate = False
    print("printed by the manager", end=";")
    made = manager()
    watch(made)
    made.add(Finalized, 2)
    made.run()


def locks() -> None:
    """Locks are made while the manager runs, and when it has ended."""
    made_locks = []

    def make() -> None:
        made_locks.append(context().Lock())
        record("made")

    made = manager()
    made.register_hooks(on_reload=make)
    made.add(Child)
    with contextlib.suppress(SystemExit):
        made.run()
    make()


class Unbuffered(logging.Handler):
    """Writes without a buffered file, whose lock nobody frees after a fork."""

    def emit(self, record: logging.LogRecord) -> None:
        os.write(1, self.format(record).encode()[:0])


def busy_threads(workers: str) -> None:
    """Threads of the application that hold locks most of the time."""

    def log() -> None:
        try:
            while True:
                logging.getLogger("application").info("busy")
        except Exception as error:
            record("thread ended", error=repr(error))

    def draw() -> None:
        while True:
            sorted(random.random() for _ in range(1000))

    def load() -> None:
        while True:
            try:
                import this_module_does_not_exist  # noqa: F401
            except ImportError:
                pass

    logging.basicConfig(handlers=[Unbuffered()], level=logging.INFO)
    # the manager waits for its turn at each call of the system that it makes
    sys.setswitchinterval(1e-5)
    for target in (log, draw, load):
        threading.Thread(target=target, daemon=True).start()
    made = manager()
    watch(made)
    made.add(Tried, int(workers))
    made.run()


class Tried(Recording):
    """Takes the same locks in the worker."""

    name = "tried"

    def run(self) -> None:
        logging.getLogger("application").info("at work")
        random.random()
        try:
            import this_module_does_not_exist  # noqa: F401
        except ImportError:
            pass
        super().run()


if __name__ == "__main__":
    main(globals())
