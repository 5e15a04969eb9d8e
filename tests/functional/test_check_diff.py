"""``cotyledon check --diff``: what another configuration would change in a running manager."""

from __future__ import annotations

import os
import subprocess

from tests.functional.configured import FILE, Sections, sections, text
from tests.functional.controlled import SOCKET, Controlled
from tests.functional.harness import APPS, Launch, import_path
from tests.functional.test_cli_control import cotyledon

NEW = "new.conf"


def check(running: Controlled, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In the application's directory, with its plugins."""
    directory = str(running.application.directory)
    path = [import_path(), str(APPS), os.path.join(directory, "site")]
    return cotyledon(
        "check",
        "--diff",
        *arguments,
        cwd=directory,
        PYTHONPATH=os.pathsep.join(path),
        RECORDS=os.devnull,
    )


def with_socket(configuration: Sections) -> str:
    return text({**configuration, "control": {"socket": SOCKET}})


def test_another_file_is_compared_with_what_runs(launch: Launch) -> None:
    running = Controlled(launch, sections(web={"value": "secret"}, batch={}))
    new = sections(web={"value": "hidden", "workers": 2}, more={})
    running.application.write(NEW, with_socket(new))
    for arguments in (("--config-file", NEW), ("--config-file", NEW, "--socket", running.path)):
        done = check(running, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[1:] == [
            "+ service more",
            "- service batch",
            "~ service web: scaled, replaced; workers 1 -> 2; options value",
        ]
        assert "secret" not in done.stdout
    assert running.pids().keys() == {("web", 0), ("batch", 0)}
    # as the manager has it
    same = check(running, "--config-file", FILE)
    assert (same.returncode, same.stdout.splitlines()[1:]) == (0, ["nothing would change"])
    running.stop()


def test_what_would_need_a_restart(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    running.application.write(NEW, with_socket(sections({"name": "other"}, web={})))
    done = check(running, "--config-file", NEW)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()[1:]
    assert line.startswith("! ")
    assert NEW in line
    running.stop()


def test_the_manager_s_own_file_before_it_is_reloaded(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}))
    running.application.write(NEW, with_socket(sections(web={"workers": 2})))
    running.application.write(FILE, with_socket(sections(web={"workers": 3})))
    own = check(running, "--config-file", FILE)
    assert own.stdout.splitlines()[1:] == ["~ service web: scaled; workers 1 -> 3"]
    # what it runs with is in no file any more
    other = check(running, "--config-file", NEW)
    assert other.returncode == 4
    assert other.stderr.startswith("cotyledon: the manager's own configuration has changed")
    assert other.stderr.count("\n") == 1
    assert FILE in other.stderr
    with running.client() as client:
        client.reload(wait=True)
    other = check(running, "--config-file", NEW)
    assert other.stdout.splitlines()[1:] == ["~ service web: scaled; workers 3 -> 2"]
    running.stop()
