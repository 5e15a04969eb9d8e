"""``doc/metrics.rst`` lists the metrics that the exporter serves, and no others."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from cotyledon_core import Ledger, Vitals, WorkerId, replace
from cotyledon_core.process.stamps import Stamps
from cotyledon_core.testing import every_event
from cotyledon_plugins.notifiers.prometheus.metrics import ManagerMetrics
from cotyledon_plugins.notifiers.prometheus.notifier import Prometheus

DOC = Path(__file__).resolve().parents[3] / "doc"
ENTRY = re.compile(r"^``(\w+)`` \((\w+)(?:; ([\w, ]+))?\)$", re.MULTILINE)
SUFFIXES = {"counter": "_total", "info": "_info"}


def ledger() -> Ledger:
    """After an event of each kind, with a worker that runs."""
    samples = {event.kind: event for event in every_event()}
    last = [samples.pop("service_removed"), *samples.values(), samples["worker_spawned"]]
    made = Ledger()
    for event in last:
        fields = {"pid": os.getpid()} if "pid" in event.field_names else {}
        if "worker_id" in event.field_names:
            fields["worker_id"] = WorkerId(0)
        made.note(replace(event, **fields))
    return made


def served() -> dict[str, tuple[str, list[str]]]:
    """The type and the labels of each metric, by its name."""
    stamps = Stamps()
    stamps.set_used(1)
    stamps.occupy(0, os.getpid())
    stamps.beat(0, time.monotonic())
    found = {}
    for family in ManagerMetrics(Vitals(stamps)).of(ledger(), 1):
        assert family.samples, family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        found[family.name + SUFFIXES.get(family.type, "")] = (family.type, sorted(labels))
    stamps.close()
    return found


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    entries = ENTRY.findall((DOC / "metrics.rst").read_text(encoding="utf-8"))
    documented = {
        name: (kind, labels.split(", ") if labels else []) for name, kind, labels in entries
    }
    assert documented == served()


def test_every_option_is_documented() -> None:
    text = (DOC / "metrics.rst").read_text(encoding="utf-8")
    assert re.findall(r"^``(\w+)`` +(?!\()", text, re.MULTILINE) == [
        option.name for option in Prometheus.options()
    ]
