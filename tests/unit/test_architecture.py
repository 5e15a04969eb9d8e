"""The import rules, the size rules, and what a plain import may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import cotyledon_core
from cotyledon_core import control

ROOT = Path(__file__).resolve().parents[2]
CORE = "cotyledon_core"
PLUGINS = "cotyledon_plugins"

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50

SUPERVISION_MAY_IMPORT_OF_OURS = (
    f"{CORE}.supervision",
    f"{CORE}.plugins.restart_policy",
    f"{CORE}.events",
    f"{CORE}.record",
    f"{CORE}.types",
)
SUPERVISION_MUST_NOT_IMPORT = ("os", "signal", "time", "random", "logging", "stevedore")

# layer: what it must not know
UPWARDS = {
    "plugins": ("process", "worker", "runtime", "control", "cli", "config", "compat", "manager"),
    "process": ("runtime", "control", "cli", "config", "compat", "manager"),
    "worker": ("runtime", "control", "cli", "config", "compat", "manager"),
    "config": ("process", "worker", "runtime", "control", "cli", "compat"),
    "conversion": ("process", "worker", "runtime", "control", "cli", "compat", "manager", "config"),
    "periodic": ("process", "worker", "runtime", "control", "cli", "compat", "manager", "config"),
}
KNOWN_BY_NOBODY = ("cli", "compat", "testing")
MAY_USE_THE_PUBLIC_FACE = KNOWN_BY_NOBODY
MAY_LOAD_OSLO_CONFIG = tuple(
    f"{CORE}.{name}" for name in ("config", "oslo_config_glue", "compat.oslo_service")
)


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path

    @property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, filename=str(self.path))

    @property
    def package(self) -> str:
        """What relative imports start from."""
        if self.path.name == "__init__.py":
            return self.name
        return self.name.rpartition(".")[0]

    @property
    def layer(self) -> str:
        """The part of its top-level package that the module belongs to, if any."""
        if self.path.name == "__main__.py":
            return "cli"
        return self.name.partition(".")[2].partition(".")[0]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Import:
    """One imported name, dotted and absolute: ``from a import b`` is ``a.b``."""

    module: Module
    target: str
    line: int

    def of(self, *packages: str) -> bool:
        return any((self.target + ".").startswith(package + ".") for package in packages)

    def __str__(self) -> str:
        return f"{self.module.path.relative_to(ROOT)}:{self.line} imports {self.target}"


def read_modules(package: str) -> list[Module]:
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, path))
    return found


CORE_MODULES = read_modules(CORE)
PLUGIN_MODULES = read_modules(PLUGINS)
MODULE_NAMES = {module.name for module in CORE_MODULES + PLUGIN_MODULES}


def imports_in(module: Module, nodes: Iterable[ast.AST]) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = base_of(module, node)
            for alias in node.names:
                yield Import(module, f"{base}.{alias.name}", node.lineno)


def base_of(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parents = module.package.split(".")
    parents = parents[: len(parents) - node.level + 1]
    return ".".join([*parents, node.module] if node.module else parents)


def all_imports(module: Module) -> Iterator[Import]:
    return imports_in(module, ast.walk(module.tree))


def imports_at_import_time(module: Module) -> Iterator[Import]:
    return imports_in(module, nodes_at_import_time(module.tree))


def nodes_at_import_time(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported, so neither functions nor TYPE_CHECKING blocks."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        children = list(node.orelse)
    for child in children:
        yield from nodes_at_import_time(child)


def report(offences: Iterable[object]) -> str:
    return "\n".join(str(offence) for offence in offences)


def core_layer(layer: str) -> list[Module]:
    return [module for module in CORE_MODULES if module.layer == layer]


def test_the_walk_sees_each_form_of_import(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "import a.b\n"
        "from . import c\n"
        "from ..d import e\n"
        "if TYPE_CHECKING:\n    import f\nelse:\n    import g\n"
        "def function():\n    import h\n"
        "class Class:\n    import i\n"
    )
    module = Module("top.middle.module", path)
    at_import_time = {"typing.TYPE_CHECKING", "a.b", "top.middle.c", "top.d.e", "g", "i"}
    assert {found.target for found in imports_at_import_time(module)} == at_import_time
    assert {found.target for found in all_imports(module)} == at_import_time | {"f", "h"}


def test_supervision_is_pure() -> None:
    modules = core_layer("supervision")
    assert modules
    assert not report(
        found
        for module in modules
        for found in all_imports(module)
        if found.of(*SUPERVISION_MUST_NOT_IMPORT)
        or found.target.startswith(("oslo", PLUGINS))
        or (found.of(CORE) and not found.of(*SUPERVISION_MAY_IMPORT_OF_OURS))
    )


@pytest.mark.parametrize("layer", UPWARDS)
def test_imports_go_downwards(layer: str) -> None:
    modules = core_layer(layer)
    assert modules
    above = [f"{CORE}.{name}" for name in UPWARDS[layer]]
    assert not report(
        found for module in modules for found in all_imports(module) if found.of(*above)
    )


@pytest.mark.parametrize("layer", KNOWN_BY_NOBODY)
def test_outermost_layers_are_known_by_nobody(layer: str) -> None:
    assert not report(
        found
        for module in CORE_MODULES
        if module.layer != layer
        for found in all_imports(module)
        if found.of(f"{CORE}.{layer}")
    )


def test_the_core_does_not_know_the_plugins() -> None:
    assert not report(
        found for module in CORE_MODULES for found in all_imports(module) if found.of(PLUGINS)
    )


def test_the_core_imports_from_where_a_name_is_defined() -> None:
    """The top level resolves names lazily; an import through it would hide where it leads."""
    assert not report(
        found
        for module in CORE_MODULES
        if module.layer not in MAY_USE_THE_PUBLIC_FACE
        for found in all_imports(module)
        if found.target.count(".") == 1 and found.of(CORE) and found.target not in MODULE_NAMES
    )


def is_of_the_same_plugin(found: Import) -> bool:
    """Whether a module of a plugin that is a package imports another one of it."""
    package = found.module.package
    return package.count(".") > 1 and found.of(package)


def test_plugins_import_public_names_only() -> None:
    """By ``from cotyledon_core import …``, as any other distribution's plugin would."""
    public = {f"{CORE}.{name}" for name in cotyledon_core.__all__}
    public |= {f"{CORE}.control.{name}" for name in control.__all__}
    assert PLUGIN_MODULES
    assert not report(
        found
        for module in PLUGIN_MODULES
        for found in all_imports(module)
        if (found.of(PLUGINS) and not is_of_the_same_plugin(found))
        or (found.of(CORE) and found.target not in public)
    )


def test_stevedore_is_used_in_one_place() -> None:
    users = {
        found.module.name
        for module in CORE_MODULES + PLUGIN_MODULES
        for found in all_imports(module)
        if found.of("stevedore")
    }
    assert users == {f"{CORE}.plugins.loading"}


def test_oslo_config_is_loaded_by_configuration_only() -> None:
    assert not report(
        found
        for module in CORE_MODULES + PLUGIN_MODULES
        if not module.name.startswith(MAY_LOAD_OSLO_CONFIG)
        for found in imports_at_import_time(module)
        if found.of("oslo_config")
    )


def test_modules_are_short() -> None:
    assert not report(
        f"{module} has {lines} lines"
        for module in CORE_MODULES + PLUGIN_MODULES
        if (lines := module.source.count("\n")) > MAX_MODULE_LINES
    )


def test_functions_are_short() -> None:
    assert not report(
        f"{module}.{node.name} has {lines} lines"
        for module in CORE_MODULES + PLUGIN_MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    )


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import cotyledon_core", ("oslo_config", "stevedore", "multiprocessing")),
        ("from cotyledon_core import Service", ("oslo_config", "stevedore", "multiprocessing")),
        (
            "from cotyledon_core import Service, ServiceManager; ServiceManager().add(Service)",
            # each fork costs half as much again with threading loaded
            ("oslo_config", "stevedore", "multiprocessing", "logging", "threading"),
        ),
        (
            "from cotyledon_core import Limited, Service, ServiceManager; "
            "ServiceManager().add(Service, restart_policy=Limited(max_restarts=3))",
            # each takes long, and stays in every worker's memory
            ("dataclasses", "inspect", "random", "cotyledon_plugins"),
        ),
    ],
)
def test_imports_stay_light(statement: str, unwanted: tuple[str, ...]) -> None:
    program = f"{statement}; import sys; print([m for m in {unwanted} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
