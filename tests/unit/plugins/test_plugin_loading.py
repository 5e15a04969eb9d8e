"""What is found at the door: plugins that load, and each way not to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cotyledon_core.exceptions import PluginError
from cotyledon_core.plugins import loading
from cotyledon_core.plugins.loading import Namespace, discover, load, plugin_options
from cotyledon_core.service import Service

ROOT = Path(__file__).resolve().parents[3]

GOOD = """
    from cotyledon_core.service import Service
    from cotyledon_core.plugins.notifier import Notifier
    from cotyledon_core.plugins.restart_policy import RestartPolicy, Restart

    MADE = []

    class Good(Service):
        def __init__(self, worker_id):
            MADE.append(self)

    class Policy(RestartPolicy):
        def decide(self, death):
            return Restart()

    class Told(Notifier):
        def notify(self, event):
            pass
"""

POLICIES = "[cotyledon.restart_policies]"
HEAD = """
    from cotyledon_core.async_service import AsyncService
    from cotyledon_core.service import Service
    from cotyledon_core.plugins.notifier import Notifier
    from cotyledon_core.plugins.restart_policy import RestartPolicy, Restart
"""
ASYNC_HEAD = "\n    from cotyledon_core import AsyncService\n"


def error_of(namespace: str, name: str) -> str:
    with pytest.raises(PluginError) as caught:
        load(namespace, name)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("namespace", "attribute"),
    [
        ("cotyledon.services", "Good"),
        ("cotyledon.restart_policies", "Policy"),
        ("cotyledon.notifiers", "Told"),
    ],
)
def test_a_good_plugin_loads(distributions: Any, namespace: str, attribute: str) -> None:
    distributions.install(
        entry_points=f"[{namespace}]\nacme = acme_good:{attribute}\n", modules={"acme_good": GOOD}
    )
    assert load(namespace, "acme").__name__ == attribute


def test_loading_makes_no_instance_and_writes_no_cache(
    distributions: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    distributions.install(
        entry_points="[cotyledon.services]\nacme = acme_good:Good\n", modules={"acme_good": GOOD}
    )
    load(Namespace.SERVICES, "acme")
    discover()
    assert sys.modules["acme_good"].MADE == []
    assert not (tmp_path / "cache").exists()


def test_an_unknown_name_is_answered_with_the_nearest(distributions: Any) -> None:
    distributions.install(entry_points="[cotyledon.services]\nacme-metrics = a:B\nacme-web = a:C\n")
    text = error_of(Namespace.SERVICES, "acme_metrics")
    assert text.startswith("cotyledon.services: there is no plugin 'acme_metrics'; ")
    assert "did you mean 'acme-metrics'? Available: " in text
    assert "acme-web" in text


def test_an_unknown_name_like_no_other_lists_what_there_is(
    distributions: Any,
) -> None:
    distributions.install(entry_points="[cotyledon.services]\nacme = a:B\n")
    text = error_of(Namespace.SERVICES, "0000")
    assert "; available: acme" in text
    assert "did you mean" not in text


def test_an_empty_namespace_is_said_to_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_entry_points", lambda namespace: [])
    assert error_of(Namespace.NOTIFIERS, "log").endswith("no distribution registers any")


def test_an_unknown_namespace_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match=r"cotyledon\.service'"):
        load("cotyledon.service", "x")


SERVICE = "it must be a subclass of cotyledon_core.Service"
POLICY = "it must be a subclass of cotyledon_core.RestartPolicy"
NOTIFIER = "it must be a subclass of cotyledon_core.Notifier"

BROKEN: list[Any] = [
    ("services", "m_none:X", None, r"does not load: ModuleNotFoundError: .*m_none.*; it must name"),
    ("services", "m_attr:X", "", r"does not load: AttributeError: .*'X'; it must name"),
    ("services", "m_syntax:X", "class", r"does not load: SyntaxError: .*m_syntax\.py.*it must"),
    ("services", "m_exit:X", "raise SystemExit(3)", r"does not load: SystemExit: 3; it must name"),
    ("services", "m_assert:X", "assert 0, 'why'", r"does not load: AssertionError: why; it must"),
    ("services", "m_lines:X", "raise OSError('a\\nb')", r"does not load: OSError: a b; it must"),
    ("services", "not a path", None, r"does not load: ValueError: .*form module:Class; it must"),
    ("services", "m_module", "", rf"is a module, not a class; {SERVICE}"),
    ("services", "m_func:X", "def X(worker_id): ...", rf"is a function, not a class; {SERVICE}"),
    ("services", "m_base:X", "class X: ...", rf"is the class X; {SERVICE}"),
    ("notifiers", "m_self:Notifier", HEAD, rf"is the class Notifier; {NOTIFIER}"),
    ("restart_policies", "m_kind:X", HEAD + "\n    class X(Notifier): ...", POLICY),
    (
        "restart_policies",
        "m_abstract:X",
        HEAD + "\n    class X(RestartPolicy): ...",
        rf"lacks decide\(\); {POLICY} that defines it",
    ),
    (
        "notifiers",
        "m_lacks:X",
        HEAD + "\n    class X(Notifier): ...",
        rf"lacks notify\(\); {NOTIFIER} that defines it",
    ),
    (
        "notifiers",
        "m_none_method:X",
        HEAD + "\n    class X(Notifier):\n        notify = None",
        "notify is not a method; it must be callable with one argument",
    ),
    (
        "services",
        "m_async:X",
        HEAD + "\n    class X(Service):\n        async def run(self): ...",
        r"run\(\) is a coroutine or a generator; .* plain method, or derive from AsyncService$",
    ),
    (
        "notifiers",
        "m_async_notifier:X",
        HEAD + "\n    class X(Notifier):\n        async def notify(self, event): ...",
        r"notify\(\) is a coroutine or a generator; it must be a plain method$",
    ),
    (
        "services",
        "m_async_generator:X",
        HEAD + "\n    class X(Service):\n        async def run(self): yield",
        r"run\(\) is a coroutine or a generator; .* plain method, or derive from AsyncService$",
    ),
    *(
        (
            "services",
            f"m_not_async_{name}:X",
            ASYNC_HEAD + f"\n    class X(AsyncService):\n        {text}",
            rf"{name}\(\) is no coroutine; it must be async def, without yield$",
        )
        for name, text in [
            ("run", "def run(self): ..."),
            ("terminate", "def terminate(self): ..."),
            ("reload", "async def reload(self): yield"),
        ]
    ),
    (
        "services",
        "m_async_program:X",
        ASYNC_HEAD + "\n    class X(AsyncService):\n        async def program(self): ...",
        r"program\(\) is a coroutine or a generator; it must be a plain method$",
    ),
    (
        "services",
        "m_ready:X",
        HEAD + "\n    class X(Service):\n        ready_when = 'notifyed'",
        "ready_when is 'notifyed'; it must be one of booted, notified",
    ),
    (
        "services",
        "m_args:X",
        HEAD + "\n    class X(Service):\n        def terminate(self, why): ...",
        r"terminate\(\) takes other arguments; it must be callable with no argument",
    ),
    (
        "restart_policies",
        "m_few:X",
        HEAD + "\n    class X(RestartPolicy):\n        def decide(self): ...",
        r"decide\(\) takes other arguments; it must be callable with one argument",
    ),
    (
        "services",
        "m_options:X",
        HEAD + "\n    class X(Service):\n        def options(self): return []",
        r"options\(\) is not a class method without arguments; it must be one",
    ),
]


@pytest.mark.parametrize(
    ("kind", "value", "source", "wanted"), BROKEN, ids=[row[1] for row in BROKEN]
)
def test_a_broken_plugin_is_one_clear_error(
    distributions: Any, kind: str, value: str, source: str | None, wanted: str
) -> None:
    namespace = f"cotyledon.{kind}"
    modules = {} if source is None else {value.partition(":")[0]: source}
    distributions.install(entry_points=f"[{namespace}]\nacme = {value}\n", modules=modules)
    text = error_of(namespace, "acme")
    assert text.startswith(f"{namespace}: entry point 'acme = {value}' of acme-plugins 1.2: ")
    assert re.search(wanted, text), text


ASYNC_GOOD = """
    import functools
    from cotyledon_core import AsyncService

    def logged(method):
        @functools.wraps(method)
        def call(*args):
            return method(*args)
        return call

    class Untouched(AsyncService): ...

    class Asynchronous(AsyncService):
        async def run(self): ...
        @logged
        async def terminate(self): ...
        async def reload(self): ...
"""


@pytest.mark.parametrize("name", ["Untouched", "Asynchronous"])
def test_a_service_of_coroutines_loads(distributions: Any, name: str) -> None:
    distributions.install(
        entry_points=f"[cotyledon.services]\nacme = acme_async:{name}\n",
        modules={"acme_async": ASYNC_GOOD},
    )
    assert load("cotyledon.services", "acme").__name__ == name


def test_two_distributions_of_one_name_clash(distributions: Any) -> None:
    entry_points = "[cotyledon.services]\nacme = acme_good:Good\n"
    distributions.install("acme-one", entry_points=entry_points, modules={"acme_good": GOOD})
    distributions.install("acme-two", entry_points=entry_points)
    text = error_of(Namespace.SERVICES, "acme")
    assert text.startswith("cotyledon.services: entry point 'acme' is registered by ")
    assert "acme-one 1.2 ('acme = acme_good:Good')" in text
    assert "acme-two 1.2" in text
    assert text.endswith("uninstall all but one, or have one of them renamed")
    found = [info for info in discover() if info.name == "acme"]
    assert [info.error for info in found] == [text, text]


def test_one_distribution_may_say_the_same_twice(distributions: Any) -> None:
    line = "acme = acme_good:Good\n"
    distributions.install(
        entry_points="[cotyledon.services]\n" + line + line, modules={"acme_good": GOOD}
    )
    assert load(Namespace.SERVICES, "acme").__name__ == "Good"


def test_one_distribution_may_not_say_two_things(distributions: Any) -> None:
    distributions.install(
        entry_points="[cotyledon.services]\nacme = acme_good:Good\nacme = acme_good:Told\n",
        modules={"acme_good": GOOD},
    )
    assert "is registered by" in error_of(Namespace.SERVICES, "acme")


def test_an_unreadable_list_of_entry_points_names_its_distribution(
    distributions: Any,
) -> None:
    distributions.install(entry_points="[cotyledon.services]\nacme\n")
    text = error_of(Namespace.SERVICES, "acme")
    assert "the entry points of acme-plugins 1.2 cannot be read" in text
    assert "each line must be 'name = module:Class'" in text


def test_a_distribution_without_metadata_is_still_described(
    distributions: Any, tmp_path: Path
) -> None:
    distributions.install(entry_points="[cotyledon.services]\nacme = nowhere:X\n")
    (tmp_path / "acme-plugins" / "acme_plugins-1.2.dist-info" / "METADATA").write_text("")
    assert "of an unnamed distribution of unknown version: " in error_of(
        "cotyledon.services", "acme"
    )


def test_discover_shows_the_good_and_the_broken(distributions: Any) -> None:
    distributions.install(
        entry_points="""\
            [cotyledon.services]
            acme-bad = acme_missing:X
            acme = acme_good:Good
            [cotyledon.notifiers]
            acme = acme_good:Told
        """,
        modules={"acme_good": GOOD},
    )
    ours = [info for info in discover() if info.distribution == "acme-plugins"]
    assert [(info.namespace, info.name, info.module, info.version) for info in ours] == [
        ("cotyledon.services", "acme", "acme_good:Good", "1.2"),
        ("cotyledon.services", "acme-bad", "acme_missing:X", "1.2"),
        ("cotyledon.notifiers", "acme", "acme_good:Told", "1.2"),
    ]
    good, bad, _ = ours
    assert (good.plugin, good.error) == (load("cotyledon.services", "acme"), None)
    assert bad.plugin is None
    assert bad.error == error_of("cotyledon.services", "acme-bad")


def test_discover_shows_broken_options(load_service: Any) -> None:
    load_service(service("return [cfg.IntOpt('workers')]"))
    (good,) = [info for info in discover() if info.distribution == "acme-plugins"]
    assert good.error is None
    reserved = {"cotyledon.services": {"workers"}}
    (bad,) = [info for info in discover(reserved) if info.distribution == "acme-plugins"]
    assert bad.plugin is None
    assert str(bad.error).startswith("cotyledon.services: entry point 'acme = acme_options:X' of ")
    assert "its option 'workers' has the name of one of cotyledon's own" in str(bad.error)


# -- options


def service(body: str, constructor: str = "**options: object") -> str:
    return f"""
        from oslo_config import cfg
        from cotyledon_core.service import Service

        class X(Service):
            def __init__(self, worker_id, {constructor}):
                super().__init__(worker_id)

            @classmethod
            def options(cls):
                {body}
    """


@pytest.fixture
def load_service(distributions: Any) -> Any:
    def install_and_load(source: str) -> type:
        distributions.install(
            entry_points="[cotyledon.services]\nacme = acme_options:X\n",
            modules={"acme_options": source},
        )
        return load(Namespace.SERVICES, "acme")

    return install_and_load


def test_options_are_returned(load_service: Any) -> None:
    cls = load_service(service("return (cfg.StrOpt('acme_a'), cfg.IntOpt('acme-b'))"))
    options = plugin_options(cls, {"workers"})
    assert [option.dest for option in options] == ["acme_a", "acme_b"]


def test_no_options_need_no_oslo_config() -> None:
    program = (
        "import sys\n"
        "from cotyledon_core.plugins.loading import plugin_options\n"
        "from cotyledon_core.service import Service\n"
        "class Plain(Service): pass\n"
        "print(plugin_options(Plain), 'oslo_config' in sys.modules, 'stevedore' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] False False"


OPTION_FAULTS = [
    ("raise KeyError('x')", r"options\(\) raised KeyError: 'x'; it must return a list"),
    ("return None", r"options\(\) returned None; it must return a list of oslo.config options"),
    ("return 'greeting'", r"options\(\) returned 'greeting'; it must return a list"),
    ("yield cfg.StrOpt('a')", r"options\(\) returned <generator .*; it must return a list"),
    ("return ['greeting']", r"options\(\) returned 'greeting' among others; it must return a list"),
    (
        "return [cfg.IntOpt('workers')]",
        r"its option 'workers' has the name of one of cotyledon's own; give it a name of its own",
    ),
    ("return [cfg.IntOpt('restart-policy')]", "its option 'restart_policy' has the name of one of"),
    ("return [cfg.IntOpt('n', dest='workers')]", "its option 'workers' has the name of one of"),
    (
        "return [cfg.IntOpt('n', deprecated_name='workers')]",
        "its option 'workers' has the name of one of cotyledon's own",
    ),
    (
        "return [cfg.IntOpt('a-b'), cfg.IntOpt('a_b')]",
        "its option 'a_b' has the name of another of its options",
    ),
]


@pytest.mark.parametrize(("body", "wanted"), OPTION_FAULTS)
def test_broken_options_are_one_clear_error(load_service: Any, body: str, wanted: str) -> None:
    cls = load_service(service(body))
    with pytest.raises(PluginError) as caught:
        plugin_options(cls, frozenset({"workers", "restart_policy"}))
    text = str(caught.value)
    assert text.startswith(
        "cotyledon.services: entry point 'acme = acme_options:X' of acme-plugins 1.2: "
    )
    assert re.search(wanted, text), text


def test_a_constructor_must_take_the_options(load_service: Any) -> None:
    cls = load_service(service("return [cfg.StrOpt('greeting')]", "greting=None"))
    with pytest.raises(PluginError, match=r"cannot be called as X\(worker_id, greeting=\)"):
        plugin_options(cls)


def test_a_constructor_must_not_want_more_than_the_options(load_service: Any) -> None:
    cls = load_service(service("return []", "conf"))
    with pytest.raises(PluginError, match=r"cannot be called as X\(worker_id\)"):
        plugin_options(cls)


@pytest.mark.parametrize("wants", [True, False])
def test_a_constructor_must_take_the_number_of_workers_that_it_wants(wants: bool) -> None:
    class Divides(Service):
        wants_workers = wants

        def __init__(self, worker_id: Any) -> None:
            super().__init__(worker_id)

    if not wants:
        assert plugin_options(Divides) == []
        return
    with pytest.raises(PluginError, match=r"cannot be called as Divides\(worker_id, workers=\)"):
        plugin_options(Divides)


def test_from_conf_of_its_own_frees_the_constructor() -> None:
    class WantsConf(Service):
        def __init__(self, worker_id: Any, conf: Any) -> None:
            super().__init__(worker_id)

        @classmethod
        def from_conf(cls, worker_id: Any, conf: Any, **options: Any) -> Service:
            return cls(worker_id, conf)

    assert plugin_options(WantsConf) == []


def test_a_class_without_entry_point_is_called_by_its_own_name() -> None:
    class Lonely(Service):
        @classmethod
        def options(cls) -> Any:
            return 7

    with pytest.raises(PluginError, match=r"^[\w.]+:.*Lonely: options\(\) returned 7"):
        plugin_options(Lonely)
