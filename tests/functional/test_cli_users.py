"""The commands for a running manager, given by another user than root and the manager's."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import pytest

from tests.functional.commands import ask, refused
from tests.functional.configured import sections
from tests.functional.controlled import Controlled
from tests.functional.harness import Launch

USER = 200_000 + os.getpid()
GROUP = USER + 1
"""No user or group of the machine has such a number; each test process takes its own."""

READING = "-all,+dac_read_search"
"""May read every file, wherever the tests lie, and write to none of another's."""

CHANGES = (
    ("scale", "web", "2"),
    ("stop", "web"),
    ("start", "web"),
    ("restart", "web:0"),
    ("restart", "web", "--rolling", "--wait"),
    ("reload",),
    ("shutdown",),
    ("shutdown", "--now", "--wait"),
    ("dump", "web:0"),
    ("dump", "--manager"),
    ("dump", "--all"),
    ("log-level", "some.logger", "debug"),
)
LOOKS = (
    ("status",),
    ("status", "web:0", "--format", "json"),
    ("health",),
    ("wait", "web"),
    ("events",),
    ("log-level",),
)

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="needs root and setpriv to become another user",
)


def as_user(user: int, group: int, *groups: int) -> tuple[str, ...]:
    """What makes a command another user's."""
    more = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    capable = f"--inh-caps={READING}", f"--ambient-caps={READING}"
    return "setpriv", f"--reuid={user}", f"--regid={group}", more, *capable


FOREIGN = as_user(USER, USER)
MANAGING = [each.replace(READING, f"{READING},+dac_override") for each in FOREIGN]


def controlled(launch: Launch, **control: Any) -> Controlled:
    return Controlled(launch, sections(web={}), control)


def unharmed(running: Controlled) -> None:
    """Nothing that was asked for has happened."""
    assert running.pids().keys() == {("web", 0)}
    assert ask(running, "status").returncode == 0
    assert not running.application.records("service_commanded")
    assert not running.application.records("service_scaled")
    running.stop()


def test_who_may_not_write_to_the_socket_cannot_connect(launch: Launch) -> None:
    running = controlled(launch, mode="0600", read_write_uids=USER)
    for arguments in (*LOOKS, *CHANGES):
        done = ask(running, *arguments, prefix=FOREIGN)
        refused(done, 4, f"{running.path}: Permission denied")
        assert f"uid {USER}" in done.stderr
    unharmed(running)


def test_who_is_not_listed_may_do_nothing(launch: Launch) -> None:
    running = controlled(launch, mode="0666")
    for arguments in (*LOOKS, *CHANGES):
        done = ask(running, *arguments, prefix=FOREIGN)
        refused(done, 4, f"uid {USER} may do nothing here")
        assert "[control]" in done.stderr
    unharmed(running)


@pytest.mark.parametrize(
    ("control", "groups"),
    [
        ({"read_only_uids": USER}, ()),
        ({"read_only_gids": USER}, ()),
        ({"read_only_gids": GROUP}, (GROUP,)),
    ],
)
def test_who_may_only_look(
    launch: Launch, control: dict[str, Any], groups: tuple[int, ...]
) -> None:
    running = controlled(launch, mode="0666", **control)
    user = as_user(USER, USER, *groups)
    for arguments in LOOKS:
        done = ask(running, *arguments, prefix=user)
        assert done.returncode == 0, done
    for arguments in CHANGES:
        done = ask(running, *arguments, prefix=user)
        what = "set a level" if arguments[0] == "log-level" else arguments[0]
        refused(done, 4, f"uid {USER} may only look, not {what}")
    unharmed(running)


def test_a_preview_is_no_look(launch: Launch) -> None:
    running = controlled(launch, mode="0666", read_only_uids=USER)
    done = ask(running, "reload", "--dry-run", prefix=FOREIGN)
    refused(done, 4, "may only look, not reload")
    unharmed(running)


@pytest.mark.parametrize(
    ("control", "groups"),
    [
        ({"mode": "0666", "read_write_uids": USER}, ()),
        ({"mode": "0666", "read_write_gids": USER}, ()),
        ({"mode": "0660", "group": GROUP, "read_write_gids": GROUP}, (GROUP,)),
        # what gives more counts
        ({"mode": "0666", "read_only_uids": USER, "read_write_gids": GROUP}, (GROUP,)),
    ],
)
def test_who_may_do_everything(
    launch: Launch, control: dict[str, Any], groups: tuple[int, ...]
) -> None:
    running = controlled(launch, **control)
    user = as_user(USER, USER, *groups)
    assert ask(running, "status", prefix=user).returncode == 0
    assert ask(running, "scale", "web", "2", "--wait", prefix=user).returncode == 0
    assert len(running.pids()) == 2
    assert "lifecycle.py" in ask(running, "dump", "web:0", prefix=user).stdout
    assert ask(running, "log-level", "a.logger", "debug", prefix=user).returncode == 0
    assert ask(running, "shutdown", "--wait", prefix=user).returncode == 0
    assert running.application.wait() == 0


def test_the_manager_s_own_user_and_root_may_do_everything(launch: Launch) -> None:
    running = Controlled(launch, sections(web={}), {"mode": "0600"}, prefix=MANAGING)
    for user in (FOREIGN, ()):
        assert ask(running, "status", prefix=user).returncode == 0
        assert ask(running, "restart", "web:0", "--wait", prefix=user).returncode == 0
    other = as_user(USER + 1, GROUP)
    refused(ask(running, "status", prefix=other), 4, "Permission denied")
    running.stop()


def test_memory_of_processes_that_may_not_be_read(launch: Launch) -> None:
    running = controlled(launch, mode="0666", read_only_uids=USER)
    # this user finds what it imports, but may not look into another's process
    done = ask(running, "status", "--pss", "--format", "json", prefix=FOREIGN)
    (service,) = json.loads(done.stdout)["services"]
    (worker,) = service["workers"]
    assert worker["memory"] is None
    assert worker["cpu"] >= 0
    table = ask(running, "status", "--pss", prefix=FOREIGN)
    assert (table.returncode, table.stderr) == (0, "")
    (line,) = [x for x in table.stdout.splitlines() if x.startswith("web:0 ")]
    assert line.split()[6] == "-"
    running.stop()
