"""The command line as far as it starts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from cotyledon_core.cli import main as command_line
from cotyledon_core.cli.main import main
from cotyledon_core.plugins import loading
from cotyledon_core.plugins.loading import PluginInfo

ROOT = Path(__file__).resolve().parents[2]

INFO = PluginInfo("cotyledon.services", "good", "acme:Good", "acme", "1.2")
BROKEN = PluginInfo("cotyledon.notifiers", "bad", "acme:Bad", "acme", "1.2", error="acme: bad")


needs_plugins = pytest.mark.skipif(
    not metadata.entry_points(group="cotyledon.restart_policies"),
    reason="the project is not installed: no entry points",
)


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def refused(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), "COMMAND"),
        (("begin",), "'run', 'check', 'status', 'top'"),
        (("check", "--config"), "--config"),
        (("check", "file"), "file"),
        (("plugins", "--format", "xml"), "'table', 'json'"),
        (("run", "--log-level", "loud"), "'DEBUG', 'INFO'"),
        (("convert", "a", "--from", "runit"), "'supervisord', 'circus'"),
        (("run", "--config-file"), "expected one argument"),
        (("run", "--verbose", "--log-level", "INFO"), "not allowed with"),
    ],
)
def test_a_wrong_command_line(
    arguments: tuple[str, ...], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("cotyledon: ")
    assert wanted.replace("'", "") in line.replace("'", "")
    assert line.endswith("--help")


@pytest.mark.parametrize("command", ["run", "check", "plugins", "convert"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(command, "--help") == 0
    told = capsys.readouterr().out
    assert f"\n  cotyledon {command}" in told
    assert "exit status:" in told


def test_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", {"cotyledon-core": "1.2.3"}.__getitem__)
    assert refused("--version") == 0
    assert capsys.readouterr().out == "cotyledon 1.2.3\n"


@needs_plugins
def test_check_tells_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.conf"
    path.write_text("[cotyledon]\nservcies = x\nspawn_interval = soon\n")
    assert main(["check", "--config-file", str(path)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"cotyledon: {path}: [cotyledon] ") for line in lines)


@needs_plugins
def test_check_without_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.conf"
    path.write_text("[cotyledon]\nservices =\nnotifiers =\n[service:x]\nworkers = 1\n")
    assert main(["check", "--config-file", str(path)]) == 0
    told = capsys.readouterr()
    assert told.out == "configuration is valid: 0 services, 0 workers\n"
    (line,) = told.err.splitlines()
    assert line.startswith(f"notice: {path}: [service:x] is not used")


@needs_plugins
def test_the_order_of_files_and_directories_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.conf").write_text("[cotyledon]\nservices =\nnotifiers =\n")
    (tmp_path / "a.conf").write_text("[cotyledon]\nservices = :\n")
    assert main(["check", "--config-file", "a.conf", "--config-dir", "d"]) == 0
    assert main(["check", "--config-dir", "d", "--config-file", "a.conf"]) == 1
    assert str(tmp_path / "a.conf") in capsys.readouterr().err


def test_a_reload_finds_the_files_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["run", "--config-dir", "d", "--config-file", "~/a.conf"]
    chosen = command_line.parser().parse_args(arguments)
    expected = [f"--config-dir={tmp_path / 'd'}", f"--config-file={tmp_path / 'a.conf'}"]
    assert chosen.sources == expected


def test_run_refuses_what_check_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.conf"
    path.write_text("[cotyledon\n")
    assert main(["run", "--config-file", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"cotyledon: {path}: line 1: ")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "discover", lambda: [INFO, BROKEN])


@pytest.mark.usefixtures("installed")
def test_plugins_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    head, good, bad, error = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAMESPACE", "NAME", "MODULE", "DISTRIBUTION", "VERSION"]
    assert good.split() == ["cotyledon.services", "good", "acme:Good", "acme", "1.2"]
    assert bad.split() == ["cotyledon.notifiers", "bad", "acme:Bad", "acme", "1.2"]
    assert head.index("VERSION") == good.index("1.2") == bad.index("1.2")
    assert error == "broken: acme: bad"


@pytest.mark.usefixtures("installed")
def test_plugins_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--format", "json"]) == 0
    good, bad = json.loads(capsys.readouterr().out)
    assert good == {
        "namespace": "cotyledon.services",
        "name": "good",
        "module": "acme:Good",
        "distribution": "acme",
        "version": "1.2",
        "error": None,
    }
    assert bad["error"] == "acme: bad"


@pytest.mark.parametrize("text", ["[program:x]\ncommand=x", "[watcher:x]\ncmd=x"])
def test_convert_knows_whose_file_it_is(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.conf"
    path.write_text(text)
    assert main(["convert", str(path)]) == 0
    told = capsys.readouterr()
    assert "\n[service:x]\n" in told.out
    assert told.err == ""


def test_convert_writes_a_file_that_is_as_private(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, made = tmp_path / "a.conf", tmp_path / "made.conf"
    path.write_text("[program:x]\ncommand=x\n[supervisorctl]\n")
    path.chmod(0o600)
    assert main(["convert", str(path), "--output", str(made)]) == 0
    assert made.stat().st_mode & 0o777 == 0o600
    assert capsys.readouterr().out == f"{made}: 1 services, 2 notes\n"
    assert main(["convert", str(path), "--output", str(made)]) == 1
    assert (
        capsys.readouterr().err == f"cotyledon: {made}: is there already; it is not overwritten\n"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[program:x]\n[program:y]\n", "command: is missing"),
        ("[x]\na=b\n", "is neither supervisord's nor circus's"),
        ("x\n", "line 1: is outside of any section"),
        (None, "cannot be read: No such file"),
    ],
)
def test_convert_tells_every_fault(
    text: str | None, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.conf"
    if text is not None:
        path.write_text(text)
    assert main(["convert", str(path)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert len(lines) == max((text or "").count("[program"), 1)
    assert all(line.startswith(f"cotyledon: {path}: ") and wanted in line for line in lines)


@pytest.mark.parametrize(
    ("manager", "text", "wanted"),
    [
        ("circus", "[program:x]\ncommand=x\n", "has no [watcher:NAME]; nothing is to be run"),
        ("supervisord", "[watcher:x]\ncmd=x\n", "has no [program:NAME]; nothing is to be run"),
    ],
)
def test_convert_is_told_a_wrong_manager(
    manager: str, text: str, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.conf"
    path.write_text(text)
    assert main(["convert", str(path), "--from", manager]) == 1
    assert capsys.readouterr().err == f"cotyledon: {path}: {wanted}\n"


def test_the_package_runs_as_the_command() -> None:
    done = run_python("-m", "cotyledon_core", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: cotyledon ")
    assert done.stderr == ""


def test_the_package_has_the_name_of_the_command(tmp_path: Path) -> None:
    file = tmp_path / "cotyledon.conf"
    file.write_text(f"[cotyledon]\nservices =\n[control]\nsocket = {tmp_path}/{{name}}.sock\n")
    done = run_python("-m", "cotyledon_core", "status", "--config-file", str(file))
    assert f"{tmp_path}/cotyledon.sock: No such file" in done.stderr


def test_the_command_line_stays_light() -> None:
    program = (
        "import sys, cotyledon_core.cli.main as m; m.parser(); "
        "print([n for n in ('oslo_config', 'stevedore', 'multiprocessing') if n in sys.modules])"
    )
    done = run_python("-c", program)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.skipif(os.name != "posix", reason="a pipe that nobody reads")
def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run_python("-m", "cotyledon_core", "plugins", stdout=writing)
    os.close(writing)
    assert done.returncode in (0, 1)
    assert done.stderr == ""


def run_python(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def test_the_module_is_what_the_entry_point_names() -> None:
    assert command_line.main is main
