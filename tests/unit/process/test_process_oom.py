"""What the kernel says of its OOM killer, with files in the place of the kernel's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cotyledon_core.process import oom
from cotyledon_core.process.oom import Counter, KernelLog, own_counter

linux = pytest.mark.skipif(sys.platform != "linux", reason="control groups and /proc")


@pytest.mark.parametrize(
    ("text", "kills"),
    [
        ("low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n", 2),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n", 5),
        ("nr_free_pages 1\noom_kill 0\n", 0),
        ("low 0\noom 3\n", None),
        ("oom_kill many\n", None),
        ("", None),
    ],
)
def test_counters(text: str, kills: int | None, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    assert Counter(str(file), "").kills() == kills


def test_a_counter_that_is_not_there(tmp_path: Path) -> None:
    assert Counter(str(tmp_path / "missing"), "").kills() is None


def control_group(top: Path, member: int, version: int) -> Path:
    """A tree with a control group at every path that this process may have."""
    file = "memory.events.local" if version == 2 else "memory.oom_control"
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if version == 2 and not controllers:
            directory = Path(f"{top}{path}")
        elif version == 1 and "memory" in controllers.split(","):
            directory = Path(f"{top}/memory{path}")
        else:
            continue
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.procs").write_text(f"1\n{member}\n")
        (directory / file).write_text("oom_kill 4\n")
        return directory / file
    pytest.skip(f"this process is in no control group of version {version}")


@linux
@pytest.mark.parametrize("version", [1, 2])
def test_the_counter_of_the_own_control_group(version: int, tmp_path: Path) -> None:
    file = control_group(tmp_path, os.getpid(), version)
    counter = own_counter(str(tmp_path))
    assert counter == Counter(str(file), "the manager's control group")
    assert counter.kills() == 4


@linux
@pytest.mark.parametrize("version", [1, 2])
def test_a_path_that_leads_to_another_group_is_not_believed(version: int, tmp_path: Path) -> None:
    control_group(tmp_path, 1, version)
    assert own_counter(str(tmp_path)) in (Counter("/proc/vmstat", "this machine"), None)


@linux
@pytest.mark.parametrize(
    ("record", "pid"),
    [
        (b"3,1,2,-;Out of memory: Killed process 42 (python3) total-vm:1kB", 42),
        (b"3,1,2,-;Memory cgroup out of memory: Killed process 42 (a b) total-vm:1kB", 42),
        (b"3,1,2,-;Killed process 42, UID 0, (python3) total-vm:1kB", 42),
        (b"11,1,2,-;Out of memory: Killed process 42 (python3)", None),
        (b"6,1,2,-;oom_reaper: reaped process 42 (python3)", None),
        (b"6,1,2,-;Killed process many", None),
        (b"nonsense", None),
        (b"", None),
    ],
)
def test_records_of_the_kernels_log(record: bytes, pid: int | None) -> None:
    assert oom._pid_in(record) == pid


@linux
def test_the_log_is_read_from_now_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oom, "INITIAL_PID_NAMESPACE", os.readlink("/proc/self/ns/pid"))
    file = tmp_path / "kmsg"
    file.write_bytes(b"3,1,2,-;Killed process 41 (old)\n")
    log = KernelLog(str(file))
    assert log.killed() == set()
    with file.open("ab") as end:
        end.write(b"3,2,2,-;Killed process 42 (new)\n")
    assert log.killed() == {42}
    assert log.killed() == set()
    log.close()


@linux
def test_a_log_that_cannot_be_read_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = KernelLog(str(tmp_path / "missing"))
    assert log.killed() == set()
    log.close()
    monkeypatch.setattr(oom, "INITIAL_PID_NAMESPACE", "pid:[another]")
    (tmp_path / "kmsg").write_bytes(b"")
    log = KernelLog(str(tmp_path / "kmsg"))
    (tmp_path / "kmsg").write_bytes(b"3,2,2,-;Killed process 42 (new)\n")
    assert log.killed() == set()
    log.close()
