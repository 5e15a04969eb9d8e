"""Modules of oslo.service that are not offered."""

import importlib

import pytest

MODULES = ["eventlet_backdoor", "sslutils", "wsgi"]


@pytest.mark.parametrize("name", MODULES)
def test_it_can_be_imported_by_a_program_that_does_not_use_it(name: str) -> None:
    importlib.import_module(f"cotyledon_core.compat.oslo_service.{name}")


@pytest.mark.parametrize("name", MODULES)
def test_its_use_is_refused_with_the_way_out(name: str) -> None:
    module = importlib.import_module(f"cotyledon_core.compat.oslo_service.{name}")
    with pytest.raises(ImportError, match=rf"oslo_service\.{name} is not offered .*: \w+"):
        module.anything  # noqa: B018
    with pytest.raises(ImportError, match="is not offered"):
        exec(f"from {module.__name__} import anything")
