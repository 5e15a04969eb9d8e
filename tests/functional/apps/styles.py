"""The ways in which real programs use the API; the first argument says which."""

import functools
import os
import sys
import threading
import time
from typing import Any

from support import Recording, context, main, manager, record, sleep_long

import cotyledon_core as cotyledon


class Plain(Recording):
    pass


class Renamed(Recording):
    """Has a name of its own, like every instance."""

    name = "given in the class"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        self.name = "made up"  # type: ignore[misc]


def titles() -> None:
    record("argv", argv=sys.argv)
    made = manager()
    made.add(Plain, 2)
    made.add(Renamed, 1)
    made.run()


class Made(Recording):
    """Notes what it was made with."""

    def __init__(self, worker_id: int, name: str, *arguments: Any, **keywords: Any) -> None:
        self.name = name  # type: ignore[misc]
        super().__init__(worker_id)
        record("made", service=name, arguments=[*arguments, *keywords.values()])

    @classmethod
    def make(cls, worker_id: int, *arguments: Any) -> "Made":
        return cls(worker_id, "by class method", *arguments)


def by_function(worker_id: int, *arguments: Any) -> Made:
    return Made(worker_id, "by function", *arguments)


class Factory:
    """An object that makes services when it is called."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, worker_id: int, *arguments: Any) -> Made:
        return Made(worker_id, self.name, *arguments)


class WithoutSuper(cotyledon.Service):
    """Does not call the constructor of its base."""

    name = "without super"

    def __init__(self, worker_id: int, *arguments: Any) -> None:
        record("made", service=self.name, arguments=arguments)

    def run(self) -> None:
        record("run", service=self.name, worker_id=self.worker_id)

    def terminate(self) -> None:
        record("terminate", service=self.name, worker_id=self.worker_id)


def factories() -> None:
    made = manager()
    made.add(by_function, args=(1, "two"))
    made.add(functools.partial(Made, name="by partial"), kwargs={"a": 3, "b": "four"})
    made.add(Made.make, 1, (5, "six"))
    made.add(Made, 1, None, {"name": "by keywords", "a": 7, "b": "eight"})
    made.add(Factory("by instance"), args=(9, "ten"))
    made.add(WithoutSuper, args=[11, "twelve"])
    made.run()


class Supers(Recording):
    """Calls the base's methods, one way or another."""

    def run(self) -> None:
        cotyledon.Service.run(self)
        super().run()

    def terminate(self) -> None:
        super().terminate()
        cotyledon.Service.terminate(self)

    def reload(self) -> None:
        super().reload()


def supers() -> None:
    made = manager()
    made.add(Supers)
    made.run()


class Constructed(cotyledon.Service):
    """Starts its work in a thread at once and has no ``run()``."""

    name = "constructed"

    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self) -> None:
        while not self.ended.wait(0.02):
            record("worked")

    def terminate(self) -> None:
        self.ended.set()
        self.thread.join()
        record("stopped")


def constructor_only() -> None:
    made = manager()
    made.add(Constructed)
    made.run()


class Tagged(cotyledon.Service):
    def __init__(self, worker_id: int, tag: str) -> None:
        super().__init__(worker_id)
        self.tag = tag
        record("init", tag=tag, worker_id=worker_id)

    def run(self) -> None:
        record("run", tag=self.tag, worker_id=self.worker_id)


class Titled(Recording):
    """Has something else under the name of a public method."""

    name = "titled"
    program = "the evening's"


def foreign_attribute() -> None:
    made = manager()
    made.add(Titled)
    made.run()


def twice() -> None:
    made = manager()
    made.add(Tagged, 2, args=("first",))
    made.add(Tagged, 2, args=("second",))
    made.add(Tagged, 1, args=("third",))
    made.run()


class Processing(Recording):
    name = "processing"

    def __init__(self, worker_id: int, conf: Any) -> None:
        super().__init__(worker_id)
        self.conf = conf
        self.worker_id = worker_id


class Reporting(Processing):
    name = "reporting"


class MetricManager(cotyledon.ServiceManager):
    """Adds its services itself and reads its scale from a file on SIGHUP."""

    def __init__(self, conf: Any) -> None:
        super().__init__(graceful_shutdown_timeout=10, mp_context=context())
        record("manager")
        self.conf = conf
        self.processing_id = self.add(Processing, args=(conf,), workers=3)
        self.add(Reporting, args=(conf,), workers=2)
        self.register_hooks(on_reload=self.on_reload)

    def on_reload(self) -> None:
        with open("wanted") as file:
            self.reconfigure(self.processing_id, workers=int(file.read()))

    def run(self) -> None:
        super().run()
        raise AssertionError("run() returned")


def metric_processor() -> None:
    MetricManager({"a": "configuration"}).run()


class Heart(Recording):
    name = "heart"

    def __init__(self, worker_id: int, conf: Any, queue: Any) -> None:
        super().__init__(worker_id)
        self.queue = queue

    def run(self) -> None:
        super().run()
        while True:
            record("beat", said=self.queue.get())


class Poller(Recording):
    name = "poller"

    def __init__(self, worker_id: int, conf: Any, queue: Any) -> None:
        super().__init__(worker_id)
        self.queue = queue

    def run(self) -> None:
        super().run()
        while True:
            self.queue.put("polled")
            time.sleep(0.02)


def poller() -> None:
    def create_poller(worker_id: int, conf: Any, queue: Any) -> Poller:
        return Poller(worker_id, conf, queue)

    def create_heart(worker_id: int, conf: Any, queue: Any) -> Heart:
        return Heart(worker_id, conf, queue)

    made = manager()  # Before the configuration is read.
    conf = {"a": "configuration"}
    queue = context().Queue()
    made.add(create_poller, args=(conf, queue))
    made.add(create_heart, args=(conf, queue))
    made.run()


class Processor(Recording):
    name = "processor"

    def run(self) -> None:
        super().run()
        sleep_long()


class Reprocessor(Processor):
    name = "reprocessor"


def never_stops() -> None:
    made = manager()
    made.add(Processor, workers=2)
    made.add(Reprocessor, workers=2)
    made.run()


def unpicklable() -> None:
    made = manager()
    made.add(Plain)
    made.add(Made, args=("unpicklable", lambda: None))
    made.run()


class Crashing(cotyledon.Service):
    def __init__(self, worker_id: int) -> None:
        super().__init__(worker_id)
        record("crash", worker_id=worker_id)
        os._exit(1)


def neighbours() -> None:
    made = manager()
    made.add(Crashing, 3)
    made.add(Plain, 2)
    made.run()


if __name__ == "__main__":
    main(globals())
