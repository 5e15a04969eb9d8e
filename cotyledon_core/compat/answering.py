"""How modules of ours come to be imported under another distribution's name.

A finder in front of all others hands out our module, the very same object,
for each name that is asked for. So a patch made under one name is seen under
the other, and a class is the same class.

A process that multiprocessing starts gets its parent's ``sys.path`` before
anything of the program is imported, ``__main__`` included, and nothing else of
the parent's import system. So a folder goes on ``sys.path`` too; its package
of that name does nothing but install the finder there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from cotyledon_core.log import Log

LOG = Log("cotyledon_core.compat")

FOLDER = Path(__file__).parent / "path"
"""In it a folder for each name, for children, and one for all, for ``PYTHONPATH``."""


class Answer(MetaPathFinder, Loader):
    """Answers to a package's name, and to the names of its submodules.

    :param name: the package's name.
    :param home: our package that is handed out for it.
    :param elsewhere: by a submodule's name, our module if it is not in ``home``.
    """

    def __init__(self, name: str, home: str, elsewhere: Mapping[str, str]) -> None:
        self.name = name
        self._home = home
        self._elsewhere = elsewhere
        self._specs: dict[str, ModuleSpec | None] = {}

    def covers(self, fullname: str) -> bool:
        """Whether the module is the package or a part of it."""
        return f"{fullname}.".startswith(f"{self.name}.")

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if not self.covers(fullname):
            return None
        part = fullname.removeprefix(self.name)
        home = self._elsewhere.get(part[1:], self._home + part)
        try:
            module = import_module(home)
        except ModuleNotFoundError as error:
            if not f"{home}.".startswith(f"{error.name}."):
                raise
            return None
        return ModuleSpec(fullname, self, loader_state=module)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = spec.loader_state
        self._specs[module.__name__] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # it ran when it was imported at home; the import system has just given it the other spec
        module.__spec__ = self._specs.pop(module.__name__)


def answer(name: str, home: str, elsewhere: Mapping[str, str] | None = None) -> None:
    """Answer to a name from now on, here and in processes that multiprocessing starts.

    Whoever has imported another package of that name keeps what they have.
    """
    if any(isinstance(finder, Answer) and finder.name == name for finder in sys.meta_path):
        return
    finder = Answer(name, home, elsewhere or {})
    strangers = [module for module in list(sys.modules) if finder.covers(module)]
    known = [module for module in strangers if not _is_ours(sys.modules[module])]
    for module in strangers:
        del sys.modules[module]
    if str(FOLDER / name) not in sys.path:  # else a parent process has put it there
        _notice(name, loaded=bool(known))
        sys.path.insert(0, str(FOLDER / name))
    sys.meta_path.insert(0, finder)


def _is_ours(module: ModuleType) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(str(FOLDER))


def _notice(name: str, *, loaded: bool) -> None:
    """Say that another distribution's package is not used."""
    others = [entry for entry in sys.path if not entry.startswith(str(FOLDER))]
    spec = PathFinder.find_spec(name, others)
    if spec is None:
        return
    where = spec.origin or next(iter(spec.submodule_search_locations or ()), "?")
    LOG.warning("%s is cotyledon-core's from now on; the one in %s is not used", name, where)
    if loaded:
        LOG.warning(
            "%s had been imported before, and those who did still use that; install ours first",
            name,
        )
