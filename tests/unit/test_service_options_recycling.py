"""The options about replacement at a bound, from Python and from a configuration."""

from __future__ import annotations

from typing import Any

import pytest

from cotyledon_core.service_options import ServiceOptions
from cotyledon_core.supervision.share import Share


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (0, 0),
        (1048576, 1048576),
        ("1048576", 1048576),
        ("512M", 512 << 20),
        ("512MiB", 512 << 20),
        ("512mb", 512 << 20),
        ("1.5G", 3 << 29),
        ("2 KiB", 2048),
        ("1T", 1 << 40),
    ],
)
def test_memory(given: Any, size: int) -> None:
    assert ServiceOptions.checked(max_memory=given).max_memory == size


@pytest.mark.parametrize(
    ("given", "share"),
    [(1, Share(1)), ("3", Share(3)), ("50%", Share(50, percent=True)), (Share(2), Share(2))],
)
def test_how_many(given: Any, share: Share) -> None:
    assert ServiceOptions.checked(max_recycling=given).max_recycling == share
    assert Share.parse(str(share)) == share


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_lifetime", -1),
        ("max_lifetime", "long"),
        ("max_memory", "much"),
        ("max_memory", "12X"),
        ("max_memory", -5),
        ("max_memory", 12.5),
        ("max_memory", "12.5"),
        ("max_memory", True),
        ("max_memory", float("nan")),
        ("max_memory", float("inf")),
        ("max_tasks", 1.5),
        ("max_tasks", True),
        ("max_tasks", -1),
        ("recycle_jitter", -0.1),
        ("max_recycling", 0),
        ("max_recycling", "0%"),
        ("max_recycling", "101%"),
        ("max_recycling", -1),
        ("max_recycling", "many"),
    ],
)
def test_what_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: .*{value}"):
        ServiceOptions.checked(**{name: value})


def test_defaults() -> None:
    options = ServiceOptions.checked()
    assert (options.max_lifetime, options.max_memory, options.max_tasks) == (0.0, 0, 0)
    assert options.recycle_jitter == 0.1
    assert options.max_recycling == Share(25, percent=True)


def test_programs_have_a_lifetime_only() -> None:
    assert ServiceOptions.checked(max_lifetime=5).unfit_for_programs() == []
    faults = ServiceOptions.checked(max_memory="1G", max_tasks=5).unfit_for_programs()
    assert [fault.partition(":")[0] for fault in faults] == ["max_memory", "max_tasks"]
