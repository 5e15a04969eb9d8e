"""Boots a systemd in namespaces of its own; a program, with the standard library only.

``outer`` has a mount namespace of its own, so that nothing it mounts is seen
elsewhere, and a control group below the one it was started in. It starts
``inner`` in new namespaces, as process 1 of them, which puts a root directory
together and becomes systemd. What is written there goes to memory. Then ``outer`` writes
the pid of that process, as it is seen from outside, and waits for the end
of its standard input. With it everything inside ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
MNT_DETACH = 2
SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x1 | 0x40
NAMESPACES = ("--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {
    "ptmx": "pts/ptmx",
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
OF_THIS_MACHINE = (
    "system-generators",
    "system/sysinit.target.wants",
    "system/local-fs.target.wants",
    "system/sockets.target.wants",
    "system/timers.target.wants",
    "system/multi-user.target.wants",
    "system/graphical.target.wants",
)
"""What this machine itself has to be started with."""
MASKED = ("tmp.mount", "systemd-udevd.service", "systemd-logind.service")
FILES = {
    # the reference keeps a unit that has ended, with its result, in memory
    "etc/systemd/system/test.target": "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n"
    "Wants=systemd-journald.service\nAfter=cotyledon.service\n",
    "etc/systemd/journald.conf.d/test.conf": "[Journal]\nStorage=volatile\n"
    "RateLimitIntervalSec=0\nForwardToSyslog=no\nAudit=no\n",
    "etc/systemd/system.conf": "[Manager]\nDefaultLimitCORE=0\n",
}
DROPPED = "-sys_time,-sys_module,-sys_rawio"
"""Capabilities with which one could reach this machine's own state."""

SYSTEMD = (
    *("/lib/systemd/systemd", "--system", "--unit=test.target"),
    *("--log-target=journal", "--show-status=0"),
)


def mount(*arguments: object) -> None:
    # -n: no entry in the table that all namespaces share
    subprocess.run(["mount", "-n", *map(str, arguments)], check=True)


def check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


# -- outside


def outer(spec: dict[str, Any]) -> None:
    top = Path(spec["top"])
    mount("-t", "tmpfs", "-o", "mode=755", "test", top)
    spec["lower"] = lower_layers(top, spec)
    group = make_group(top / "groups")
    process = start_inner(spec, group)
    try:
        print(first_child(process), flush=True)
        sys.stdin.read()
    finally:
        process.kill()
        process.wait()
        remove(group)


def lower_layers(top: Path, spec: dict[str, Any]) -> str:
    layer = top / "layer"
    if spec["layer"] is None:
        return "/"
    if not spec["over_root"]:
        layer.mkdir()
        mount("--bind", spec["layer"], layer)
        return str(layer)
    # of two layers none may lie in the other
    subprocess.run(["cp", "-a", spec["layer"], layer], check=True)
    return f"{layer}:/"


def make_group(hierarchy: Path) -> Path:
    hierarchy.mkdir()
    mount("-t", "cgroup2", "cgroup2", hierarchy)
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    ours = next((line[3:] for line in lines if line.startswith("0::")), "/")
    parent = hierarchy / ours.lstrip("/")
    return Path(tempfile.mkdtemp(prefix="cotyledon-test-", dir=parent))


def start_inner(spec: dict[str, Any], group: Path) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        (group / "cgroup.procs").write_text(str(os.getpid()))

    unshare = ["unshare", *NAMESPACES, "--propagation", "private", "--fork", "--kill-child=SIGKILL"]
    program = [sys.executable, "-I", __file__, "inner", json.dumps(spec)]
    return subprocess.Popen(
        [*unshare, "--", *program],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=prepare,
    )


def first_child(process: subprocess.Popen[bytes]) -> int:
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        if children := file.read_text().split():
            return int(children[0])
        time.sleep(0.005)
    raise ChildProcessError("unshare has ended")


def remove(group: Path) -> None:
    """As soon as the kernel has cleared the last process away."""
    end = time.monotonic() + 10
    while group.exists() and time.monotonic() < end:
        for directory, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                time.sleep(0.01)


# -- inside, as process 1


def inner(spec: dict[str, Any]) -> None:
    root = overlay(spec)
    mount_kernel_interfaces(root)
    make_devices(root / "dev")
    forget_this_machine(root)
    for name in spec["visible"]:
        show(Path(name), root)
    loopback_up()
    socket.sethostname("systemd-test")
    enter(root)
    environment = {"container": "test", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb"}
    os.execvpe("setpriv", ["setpriv", "--bounding-set", DROPPED, *SYSTEMD], environment)


def overlay(spec: dict[str, Any]) -> Path:
    top = Path(spec["top"])
    upper, work, root = top / "upper", top / "work", top / "root"
    for directory in (upper, work, root):
        directory.mkdir()
    options = f"lowerdir={spec['lower']},upperdir={upper},workdir={work}"
    mount("-t", "overlay", "-o", options, "test", root)
    return root


def mount_kernel_interfaces(root: Path) -> None:
    mount("-t", "proc", "proc", root / "proc")
    mount("--bind", root / "proc/sys", root / "proc/sys")
    mount("-o", "remount,bind,ro", root / "proc/sys")
    mount("-t", "sysfs", "-o", "ro,nosuid,nodev,noexec", "sysfs", root / "sys")
    mount("-t", "cgroup2", "cgroup2", root / "sys/fs/cgroup")
    mount("-t", "tmpfs", "-o", "mode=755", "test", root / "run")
    (root / "run/lock").mkdir()


def make_devices(dev: Path) -> None:
    mount("-t", "tmpfs", "-o", "mode=755", "test", dev)
    for name in DEVICES:
        (dev / name).touch()
        mount("--bind", f"/dev/{name}", dev / name)
    for name in ("pts", "shm", "mqueue"):
        (dev / name).mkdir()
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", dev / "pts")
    mount("-t", "tmpfs", "-o", "mode=1777", "test", dev / "shm")
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)


def forget_this_machine(root: Path) -> None:
    """Nothing that it starts with is started here."""
    units = root / "etc/systemd"
    units.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", "mode=755", "test", units)
    (units / "system").mkdir()
    for name in OF_THIS_MACHINE:
        directory = root / "usr/lib/systemd" / name
        if directory.is_dir():
            mount("-t", "tmpfs", "-o", "mode=755", "test", directory)
    for name in MASKED:
        (units / "system" / name).symlink_to("/dev/null")
    for name, text in (*FILES.items(), ("etc/machine-id", f"{uuid.uuid4().hex}\n")):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)


def show(path: Path, root: Path) -> None:
    """Make a directory of this machine visible, at its own place and read-only."""
    place = root / str(path).lstrip("/")
    place.mkdir(parents=True, exist_ok=True)
    mount("--rbind", path, place)
    mount("-o", "remount,bind,ro", place)


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))


def enter(root: Path) -> None:
    os.chdir(root)
    os.mkdir("old")
    check(LIBC.pivot_root(b".", b"old"), "pivot_root")
    check(LIBC.umount2(b"/old", MNT_DETACH), "umount")
    os.rmdir("/old")
    os.chdir("/")


if __name__ == "__main__":
    {"outer": outer, "inner": inner}[sys.argv[1]](json.loads(sys.argv[2]))
