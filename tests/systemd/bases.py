"""Where a systemd to test with comes from. Nothing is installed on this machine.

``host``
    The machine's own, over a throw-away layer on the machine's own files.
``backports``
    The one of the distribution's backports, unpacked over the same: a newer
    systemd, while all else is the machine's.
a suite, such as ``trixie``
    A small tree unpacked from the packages of another release. What a test needs
    of this machine is made visible in it.

The packages come from where the machine's own apt gets its packages, by apt,
which checks their signatures; no script of a package is run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

OVER = "systemd libsystemd-shared libsystemd0 libudev1"
TREE = (
    "systemd bash dash coreutils util-linux mount procps base-files base-passwd libc-bin grep sed "
    "libssl3 libffi8 libsqlite3-0 libreadline8 libbz2-1.0 liblzma5 zlib1g libexpat1 libuuid1 "
    "libncursesw6"
)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DIRECTORIES = "proc sys dev run tmp root etc/systemd/system var/tmp var/log var/lib"


class Unavailable(Exception):
    """This machine cannot run the tests; the text says why."""


def command(name: str) -> str:
    """The path of a command that must be there."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise Unavailable(f"there is no command {name}")
    return found


def output_of(name: str, *arguments: str) -> str:
    """What a command writes; :class:`Unavailable` with that if it fails."""
    done = subprocess.run(
        [command(name), *arguments],
        env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"{name} {arguments[-1]} failed: {done.stdout[-2000:]}")
    return done.stdout


def layer(base: str, cache: Path) -> Path | None:
    """The directory with what the base has beside the machine's own files, or instead of them.

    It is made once and kept in the cache. None for ``host``, which needs none.

    :raises Unavailable: if it cannot be had.
    """
    if base == "host":
        return None
    tree = cache / base
    with _locked(cache / f"{base}.lock"):
        if not tree.exists():
            with tempfile.TemporaryDirectory(prefix=f"{base}-", dir=cache) as work:
                _make(base, Path(work)).rename(tree)
    return tree


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Tests of other processes want the same."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(base: str, work: Path) -> Path:
    tree = work / "tree"
    (tree / "usr").mkdir(parents=True)
    for name in ("lib", "bin", "sbin", "lib64"):
        (tree / "usr" / name).mkdir()
        (tree / name).symlink_to(f"usr/{name}")
    for package in _download(base, work):
        _unpack(package, tree)
    if base != "backports":
        _furnish(tree)
    return tree


def _download(base: str, work: Path) -> Sequence[Path]:
    codename, uri = _source()
    suite = f"{codename}-backports" if base == "backports" else base
    signed_by = f"Signed-By: {KEYRING}\n" if KEYRING.exists() else ""
    (work / "test.sources").write_text(
        f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\n{signed_by}"
    )
    options = _apt_options(work)
    output_of("apt-get", "-q", *options, "update")
    if base == "backports":
        wanted = ["-t", suite, *OVER.split()]
    else:
        # as if nothing were installed
        options += ["-o", "Dir::State::Status=/dev/null"]
        wanted = TREE.split()
    output_of("apt-get", "-qy", *options, "--download-only", "--reinstall", "install", *wanted)
    packages = sorted((work / "archives").glob("*.deb"))
    if not any(package.name.startswith("systemd_") for package in packages):
        raise Unavailable(f"there is no systemd in {suite}")
    return packages


def _source() -> tuple[str, str]:
    """The release that this machine runs, and where its apt gets that from."""
    with open("/etc/os-release") as file:
        found = re.search(r"^VERSION_CODENAME=\W?(\w+)", file.read(), re.M)
    codename = found[1] if found else ""
    uris = output_of("apt-get", "update", "--print-uris")
    source = re.search(rf"^'(\S+)/dists/{codename}/InRelease'", uris, re.M)
    if source is None:
        raise Unavailable(f"apt has no source for the release {codename!r}")
    return codename, source[1]


def _apt_options(work: Path) -> list[str]:
    """Everything that apt keeps is in ``work``."""
    for name in ("lists/partial", "archives/partial"):
        (work / name).mkdir(parents=True)
    settings = {
        "Dir::Etc::SourceList": work / "test.sources",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::Cache::Archives": work / "archives",
        "Dir::Cache::SrcPkgCache": "",
        "Dir::Cache::PkgCache": "",
        "APT::Keep-Downloaded-Packages": "true",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
        "Acquire::Languages": "none",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "8",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _unpack(package: Path, tree: Path) -> None:
    unpack = [command("tar"), "-x", "--keep-directory-symlink", "-C", str(tree)]
    with subprocess.Popen(
        [command("dpkg-deb"), "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
    ) as reader:
        done = subprocess.run(unpack, stdin=reader.stdout, stderr=subprocess.PIPE, check=False)
    if done.returncode or reader.returncode:
        raise Unavailable(f"cannot unpack {package.name}: {done.stderr.decode()[-2000:]}")


def _furnish(tree: Path) -> None:
    """What the packages' scripts would have done, as far as it is needed."""
    for name in DIRECTORIES.split():
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (tree / name).chmod(0o1777)
    for name in ("passwd", "group"):
        shutil.copy(tree / f"usr/share/base-passwd/{name}.master", tree / "etc" / name)
    with (tree / "etc/group").open("a") as file:
        file.write("systemd-journal:x:999:\n")
    output_of("chroot", str(tree), "/usr/sbin/ldconfig")
