"""What the options of the service ``periodic`` become, and which are refused."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from cotyledon_core.exceptions import PluginError
from cotyledon_core.periodic.jobs import Plan, bind, resolve
from cotyledon_core.testing import check_service
from cotyledon_core.types import WorkerId
from cotyledon_plugins.services.periodic import Periodic

periodics = pytest.importorskip("futurist.periodics")

from periodic_samples import Several, plain  # isort: skip  # noqa: E402  # beside this file

SAMPLES = "periodic_samples"


def named(*names: str) -> list[str]:
    return [f"{SAMPLES}:{name}" for name in names]


def planned(*names: str, **options: Any) -> list[tuple[str, float | None, bool]]:
    plan = Plan(Periodic, named(*names), **options)
    assert plan.faults == []
    return [(job.name, job.spacing, job.run_immediately) for job in plan.jobs]


def test_a_function_has_the_services_spacing() -> None:
    assert planned("plain", spacing=3.0) == [("plain", 3.0, False)]


def test_a_decorated_one_has_its_own() -> None:
    assert planned("marked", spacing=3.0) == [("marked", 60, True)]


@pytest.mark.parametrize("name", ["Several", "several"])
def test_a_class_or_an_object_has_its_methods(name: str) -> None:
    assert planned(name) == [
        ("Several.method", 5, False),
        ("Several.of_class", 7, False),
        ("Several.static", 6, False),
    ]


def test_what_is_chosen_by_name_stands_above_all() -> None:
    chosen = {"plain": "1.5", "marked": "2", "Several.static": "0", "Several.method": 9.0}
    assert planned("plain", "marked", "Several", spacing=3.0, spacings=chosen) == [
        ("plain", 1.5, False),
        ("marked", 2.0, True),
        ("Several.method", 9.0, False),
        ("Several.of_class", 7, False),
    ]


@pytest.mark.parametrize("value", [True, False])
def test_run_immediately_stands_above_the_codes(value: bool) -> None:
    assert [job[2] for job in planned("plain", "marked", spacing=1.0, run_immediately=value)] == [
        value,
        value,
    ]


def test_a_disabled_one_runs_if_it_is_given_a_spacing() -> None:
    assert planned("disabled", "marked", spacing=3.0) == [("marked", 60, True)]
    assert planned("disabled", spacings={"disabled": "4"}) == [("disabled", 4.0, False)]


def test_one_instance_is_made_of_a_class() -> None:
    (first, one), (_, two), _ = bind(Plan(Periodic, [Several]).jobs)
    assert first.owner is Several
    assert isinstance(one.__self__, Several)  # type: ignore[attr-defined]
    assert two.__self__ is Several  # type: ignore[attr-defined]


def test_callables_themselves_may_be_given() -> None:
    ((_, call),) = bind(Plan(Periodic, [plain], spacing=1.0).jobs)
    assert call is plain


class Own(Periodic):
    """Has a periodic of its own, and a constructor of its own."""

    def __init__(self, worker_id: WorkerId) -> None:
        super().__init__(worker_id)

    @periodics.periodic(5)
    def method(self) -> None: ...


def test_a_services_own_need_not_be_named() -> None:
    Own.check_options()
    assert [job.name for job in Own(WorkerId(0))._jobs] == ["Own.method"]


@pytest.mark.parametrize(
    ("worker_id", "workers", "names"),
    [
        (0, 1, ["marked", "Several.method", "Several.of_class", "Several.static"]),
        (0, 2, ["marked", "Several.of_class"]),
        (1, 2, ["Several.method", "Several.static"]),
        (4, 5, []),
        (2, 2, []),
        (3, 2, []),
    ],
)
def test_callables_are_divided(worker_id: int, workers: int, names: list[str]) -> None:
    service = Periodic(WorkerId(worker_id), named("marked", "Several"), workers=workers)
    assert [job.name for job in service._jobs] == names


def test_the_work_is_divided_by_the_callables() -> None:
    service = Periodic(WorkerId(1), named("divided"), spacing=1.0, partition="work", workers=2)
    assert [job.name for job in service._jobs] == ["divided"]
    assert service._runner._arguments == {"worker_id": 1, "workers": 2}


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"callables": []}, "callables: is empty; name some, such as package.module:function"),
    ({"callables": ["plain"]}, "callables: 'plain' is no reference; it must be package.module:"),
    ({"callables": [".x:y"]}, "callables: '.x:y' is no reference"),
    (
        {"callables": ["no.such:x"]},
        "callables: 'no.such:x' cannot be imported: ModuleNotFoundError",
    ),
    ({"callables": named("none")}, f"callables: '{SAMPLES}:none' cannot be imported: AttributeErr"),
    ({"callables": named("number")}, f"callables: '{SAMPLES}:number' is no function, and no"),
    ({"callables": named("Nothing")}, f"callables: '{SAMPLES}:Nothing' is no function, and no"),
    ({"callables": named("nothing")}, f"callables: '{SAMPLES}:nothing' is no function, and no"),
    ({"callables": named("Wanting")}, f"callables: '{SAMPLES}:Wanting' cannot be made without"),
    ({"callables": named("plain", "plain")}, f"callables: '{SAMPLES}:plain' stands twice"),
    ({"callables": named("coroutine")}, "callables: coroutine is a coroutine; it must be a plain"),
    ({"callables": named("marked_coroutine")}, "callables: marked_coroutine is a coroutine"),
    ({"callables": named("wanting")}, "callables: wanting cannot be called without any; look at"),
    ({"callables": named("Several.unmarked")}, "callables: Several.unmarked cannot be called with"),
    ({"partition": "work"}, "callables: plain cannot be called with worker_id and workers, which"),
    ({"callables": named("divided")}, "callables: divided cannot be called without any; look at"),
    ({"spacing": None}, "spacing: is missing; plain brings none of its own, seconds are needed"),
    ({"spacing": 0.0}, "spacing: 0.0 must be more than 0 seconds"),
    ({"spacing": float("nan")}, "spacing: nan must be more than 0 seconds"),
    ({"spacings": {"plian": "5"}}, "spacings: 'plian' is no callable; there are plain"),
    ({"spacings": {"plain": "soon"}}, "spacings: plain:soon must be NAME:SECONDS; 0 switches"),
    ({"spacings": {"plain": "-1"}}, "spacings: plain:-1 must be NAME:SECONDS; 0 switches"),
    ({"jitter": 1.5}, "jitter: 1.5 must be a number from 0 to 1"),
    ({"run_timeout": float("inf")}, "run_timeout: inf must be a number of 0 or more"),
    ({"partition": "lines"}, "partition: 'lines' must be one of callables, work"),
]


@pytest.mark.parametrize(("options", "wanted"), FAULTS, ids=[text[:60] for _, text in FAULTS])
def test_an_impossible_option_is_one_clear_line(options: dict[str, Any], wanted: str) -> None:
    given: dict[str, Any] = {"callables": named("plain"), "spacing": 1.0, **options}
    for check in (Periodic.check_options, lambda **given: Periodic(WorkerId(0), **given)):
        with pytest.raises(ValueError, match=f"^{re.escape(wanted)}[^\n]*$"):
            check(**given)


def test_every_fault_has_its_line() -> None:
    with pytest.raises(ValueError, match=r"^spacing: .*\ncallables: .*\njitter: .*$"):
        Periodic.check_options(callables=["x"], spacing=-1.0, jitter=2.0)


def test_a_module_that_exits_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "exits_at_once.py").write_text("raise SystemExit(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="cannot be imported: SystemExit: 1"):
        resolve("exits_at_once:x")


def test_without_futurist_one_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "futurist.periodics", None)
    with pytest.raises(ValueError, match=r"^periodic work needs futurist.*core\[periodic\]"):
        Periodic.check_options(callables=named("plain"), spacing=1.0)
    with pytest.raises(PluginError, match=r"^periodic work needs futurist.*core\[periodic\]"):
        Periodic(WorkerId(0), named("plain"), spacing=1.0)


def test_the_contract() -> None:
    check_service(Periodic, callables=named("marked"))


def test_the_options_are_read_from_a_file(tmp_path: Any) -> None:
    from oslo_config import cfg

    file = tmp_path / "a.conf"
    file.write_text(
        f"[x]\ncallables = {SAMPLES}:plain, {SAMPLES}:Several\nspacing = 60\n"
        "spacings = plain:30, Several.method:0\njitter = 0.1\n"
    )
    conf = cfg.ConfigOpts()
    conf.register_opts(Periodic.options(), group="x")
    conf(["--config-file", str(file)], project="x")
    service = Periodic(WorkerId(0), **dict(conf.x), workers=1)
    assert [(job.name, job.spacing) for job in service._jobs] == [
        ("plain", 30.0),
        ("Several.of_class", 7),
        ("Several.static", 6),
    ]


# -- what a worker does with them


def test_what_has_no_hash_runs_too() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        @periodics.periodic(3600, run_immediately=True)
        def method(self) -> None:
            service._runner._worker.stop()

    service = Periodic(WorkerId(0), [Unhashable()])
    service.run()


def test_a_stop_before_the_run_ends_it_at_once() -> None:
    service = Periodic(WorkerId(0), named("plain"), spacing=3600.0)
    service.terminate()
    service.run()


def test_what_all_raise_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        service._runner._worker.stop()
        raise ValueError("on purpose")

    service = Periodic(WorkerId(0), [fail], spacing=3600.0, run_immediately=True)
    service.run()
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert f"'{__name__}.{fail.__qualname__}'" in line.getMessage()
    assert line.exc_info


def test_a_run_that_outlasts_its_spacing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def slow() -> None:
        import time

        time.sleep(0.01)
        service._runner._worker.stop()

    service = Periodic(WorkerId(0), [slow], spacing=0.001)
    service.run()
    (line,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "longer than its spacing of 0.001 s" in line.getMessage()


@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_jitter_only_adds(jitter: float) -> None:
    service = Periodic(WorkerId(0), [plain], spacing=10.0, jitter=jitter)
    worker = service._runner._worker
    call = worker._works[0].callback
    times = [worker._schedule_strategy(call, 100.0, 105.0, {}) for _ in range(50)]
    assert all(110.0 <= each <= 110.0 + 10 * jitter for each in times)
    assert (len(set(times)) > 1) == bool(jitter)
