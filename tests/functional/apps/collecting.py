"""Workers that look at what their garbage collector goes through."""

import gc

from support import Recording, manager, record


def of_the_manager() -> list[str]:
    """The supervisor's objects that a collection would go through, and so write to."""
    kinds = {type(each) for each in gc.get_objects()}
    return sorted(kind.__name__ for kind in kinds if ".supervision." in kind.__module__)


class Web(Recording):
    name = "web"

    def run(self) -> None:
        record("collects", enabled=gc.isenabled(), of_the_manager=of_the_manager())
        super().run()


if __name__ == "__main__":
    made = manager()
    made.add(Web, 2)
    made.run()
