"""The choice of a backend."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from cotyledon_core.compat.oslo_service import backend, service
from cotyledon_core.compat.oslo_service.backend import BackendType, exceptions


@pytest.fixture(autouse=True)
def reset() -> Iterator[None]:
    backend._reset_backend()
    yield
    backend._reset_backend()


def test_threads_are_the_default_and_are_chosen_when_they_are_needed() -> None:
    assert backend.get_backend_type() is None
    assert backend.get_component("launch") is service.launch
    assert backend.get_backend_type() is BackendType.THREADING
    assert backend.get_backend() is backend.get_backend()


@pytest.mark.parametrize("module", ["service", "loopingcall", "threadgroup"])
def test_an_import_of_what_it_offers_chooses_it(module: str) -> None:
    program = (
        f"from cotyledon_core.compat.oslo_service import backend, {module}\n"
        "assert backend.get_backend_type() is backend.BackendType.THREADING"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_same_choice_may_be_made_again() -> None:
    backend.init_backend(BackendType.THREADING)
    backend.init_backend(BackendType.THREADING)
    with pytest.raises(
        exceptions.BackendAlreadySelected, match=r"already set to 'threading'.*at its end"
    ):
        backend.init_backend(BackendType.EVENTLET)


def test_eventlet_is_refused_with_the_reason() -> None:
    with pytest.raises(exceptions.UnsupportedBackendError, match="eventlet is at its end"):
        backend.init_backend(BackendType.EVENTLET)
    assert backend.get_backend_type() is None


def test_a_hook_that_chooses_eventlet_is_refused_too() -> None:
    backend.register_backend_default_hook(lambda: BackendType.EVENTLET)
    with pytest.raises(exceptions.UnsupportedBackendError):
        backend.get_backend()


def test_a_hook_that_fails_leaves_the_default() -> None:
    backend.register_backend_default_hook(lambda: BackendType["NOTHING"])
    backend.get_backend()
    assert backend.get_backend_type() is BackendType.THREADING


def test_an_unknown_component() -> None:
    with pytest.raises(KeyError, match="Component 'nothing' not found in backend"):
        backend.get_component("nothing")
