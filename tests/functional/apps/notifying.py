"""A manager that changes its notifiers at each SIGHUP.

The arguments are the sets of notifiers, one after the other, each a list of names with commas
between. One with ``=`` behind it stays as it was; one that begins with ``b`` may block.
"""

from __future__ import annotations

import sys

from support import Reloading, manager, record

import cotyledon_core as cotyledon


class Named(cotyledon.Notifier):
    """Notes what it is told and that it is closed."""

    blocking = False

    def __init__(self, name: str) -> None:
        self._name = name

    def notify(self, event: cotyledon.Event) -> None:
        record("told", name=self._name, kind=event.kind)

    def synchronize(self, ledger: cotyledon.Ledger) -> None:
        record("synchronized", name=self._name, stage=ledger.stage.value, noted=ledger.noted)

    def close(self) -> None:
        record("closed", name=self._name)


class Blocking(Named):
    blocking = True


def make(name: str) -> Named:
    return Blocking(name) if name.startswith("b") else Named(name)


if __name__ == "__main__":
    first, *others = (names.split(",") for names in sys.argv[1:])
    made = manager()

    def change() -> None:
        names = others.pop(0)
        bare = [name.rstrip("=") for name in names]
        made._engine.change_notifiers(
            {name: make(name) for name in bare},
            {name for name, given in zip(bare, names, strict=True) if name != given},
        )
        record("changed")

    for name in first:
        made.add_notifier(make(name), name)
    made.register_hooks(on_reload=change)
    made.add(Reloading, 2)
    made.run()
