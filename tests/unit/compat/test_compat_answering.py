"""Who answers to the names, in which processes, and what becomes of another package of the name.

Each check runs in an interpreter of its own, where the names are not taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import cotyledon_core

ROOT = Path(cotyledon_core.__file__).parents[1]
FOLDER = ROOT / "cotyledon_core" / "compat" / "path" / "both"
METHODS = ("fork", "forkserver", "spawn")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by fork")


def run(program: str, *path: Path, directory: Path) -> tuple[str, str]:
    """Run a program with these folders on its path; what it wrote to the standard streams."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(program)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT]))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A folder with packages of these names that must not be imported."""
    for name in ("cotyledon", "oslo_service"):
        (tmp_path / "site" / name).mkdir(parents=True)
        (tmp_path / "site" / name / "__init__.py").write_text("raise AssertionError('imported')\n")
    return tmp_path / "site"


SAME = """
    import cotyledon, cotyledon.types, cotyledon_core
    import cotyledon.oslo_config_glue as glue
    from cotyledon import _service, _service_manager, _utils, oslo_config_glue, types
    from cotyledon_core import oslo_config_glue as ours

    assert glue is oslo_config_glue is cotyledon.oslo_config_glue is ours
    assert glue.__spec__.name == "cotyledon_core.oslo_config_glue"
    assert types is cotyledon.types and types.ServiceId is cotyledon_core.ServiceId
    assert cotyledon.Service is _service.Service is cotyledon_core.Service
    assert cotyledon.ServiceManager is _service_manager.ServiceManager
    assert cotyledon.ServiceManager is cotyledon_core.ServiceManager
    assert _utils.signal_to_name(15) == "SIGTERM"
"""
SAME_OSLO = """
    import oslo_service.service
    from cotyledon_core.compat.oslo_service import loopingcall, service
    from oslo_service import backend, loopingcall as theirs
    from oslo_service.backend._threading import service as threading_service

    assert oslo_service.service is service is threading_service
    assert theirs is loopingcall
    assert backend.get_component("ServiceLauncher") is service.ServiceLauncher
"""


def test_the_folder_on_the_path(tmp_path: Path) -> None:
    assert run(SAME, FOLDER, directory=tmp_path)[0] == ""
    run(SAME_OSLO, FOLDER, directory=tmp_path)


@pytest.mark.parametrize(("name", "program"), [("cotyledon", SAME), ("oslo_service", SAME_OSLO)])
def test_install(tmp_path: Path, name: str, program: str) -> None:
    install = f"from cotyledon_core.compat import {name} as ours; ours.install(); ours.install()"
    run(f"{install}\n{dedent(program)}", directory=tmp_path)


def test_a_module_that_is_not_there_is_missed_under_the_name_that_was_asked_for(
    tmp_path: Path,
) -> None:
    program = """
        try:
            import cotyledon.nothing
        except ModuleNotFoundError as error:
            print(error.name)
    """
    assert run(program, FOLDER, directory=tmp_path)[0] == "cotyledon.nothing\n"


@pytest.mark.parametrize("method", METHODS)
def test_children_where_main_cannot_be_imported_again(
    tmp_path: Path, stranger: Path, method: str
) -> None:
    (tmp_path / "program.py").write_text(
        "import cotyledon, oslo_service\n"
        "def say():\n"
        "    print(cotyledon.__name__, oslo_service.__name__, flush=True)\n"
    )
    program = f"""
        import multiprocessing
        from cotyledon_core.compat import cotyledon, oslo_service

        cotyledon.install()
        oslo_service.install()
        import program

        child = multiprocessing.get_context({method!r}).Process(target=program.say)
        child.start()
        child.join()
        assert child.exitcode == 0
    """
    out, err = run(program, stranger, tmp_path, directory=tmp_path)
    assert out == "cotyledon_core.compat.cotyledon cotyledon_core.compat.oslo_service\n"
    assert err.count("is not used") == 2  # of each name, once


def test_one_name_leaves_the_other_alone(tmp_path: Path) -> None:
    site = tmp_path / "site" / "oslo_service"
    site.mkdir(parents=True)
    (site / "__init__.py").write_text("print('theirs')\n")
    program = """
        from cotyledon_core.compat import cotyledon
        cotyledon.install()
        import oslo_service
    """
    assert run(program, site.parent, directory=tmp_path)[0] == "theirs\n"


def test_another_package_is_shadowed_with_one_notice(tmp_path: Path, stranger: Path) -> None:
    program = "import cotyledon, cotyledon.types, cotyledon._utils; print(cotyledon.__name__)"
    out, err = run(program, FOLDER, stranger, directory=tmp_path)
    assert out == "cotyledon_core.compat.cotyledon\n"
    assert err.count("\n") == 1
    assert str(stranger) in err


def test_a_package_that_was_imported_before_is_told_of(tmp_path: Path, stranger: Path) -> None:
    (stranger / "cotyledon" / "__init__.py").write_text("class Service: pass\n")
    (stranger / "cotyledon" / "types.py").write_text("")
    program = """
        import cotyledon.types
        before = cotyledon
        from cotyledon_core.compat import cotyledon as ours
        ours.install()
        import cotyledon.types
        assert cotyledon is ours and before is not ours
        assert cotyledon.types.__name__ == "cotyledon_core.types"
    """
    _, err = run(program, stranger, directory=tmp_path)
    assert "had been imported before" in err


def test_nothing_is_answered_unasked(tmp_path: Path) -> None:
    program = """
        import sys
        from importlib.machinery import PathFinder
        import cotyledon_core, cotyledon_core.compat
        for name in ("cotyledon", "oslo_service"):
            spec = PathFinder.find_spec(name)
            assert spec is None or "cotyledon_core" not in str(spec.origin), spec
            assert name not in sys.modules
    """
    run(program, directory=tmp_path)


def test_the_command_prints_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    from cotyledon_core.cli import main

    assert main.main(["compat-path"]) == 0
    assert Path(capsys.readouterr().out.strip()) == FOLDER
    assert (FOLDER / "cotyledon").is_dir()


@pytest.mark.parametrize("module", ["wsgi", "sslutils", "eventlet_backdoor"])
def test_what_is_not_offered_names_the_way_out_when_it_is_used(tmp_path: Path, module: str) -> None:
    program = f"""
        # mistral and others import them at their top, and then use nothing of them
        from oslo_service import {module}

        try:
            {module}.anything
        except ImportError as error:
            assert error.name == "oslo_service.{module}", error.name
            print(error)
    """
    out, _ = run(program, FOLDER, directory=tmp_path)
    assert out.startswith(f"oslo_service.{module} is not offered by cotyledon-core: ")
