"""Servers from Debian's packages, unpacked into the cache; nothing is installed or started.

apt says what is missing on this machine, fetches it and checks its signatures; no script of a
package is run.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lab.commands import command, locked, output_of


def unpacked(package: str, cache: Path) -> Path:
    """The root below which a package and all that it needs and this machine lacks is unpacked.

    :raises Unavailable: if there is no apt, or it does not get the package.
    """
    root = cache / f"debian-{package}"
    with locked(root.with_suffix(".lock")):
        if not root.exists():
            with tempfile.TemporaryDirectory(dir=cache) as work:
                _fetch(package, Path(work) / "archives")
                _unpack(Path(work)).rename(root)
    return root


def _fetch(package: str, archives: Path) -> None:
    (archives / "partial").mkdir(parents=True)
    settings = {
        "Dir::Cache::Archives": archives,
        "APT::Keep-Downloaded-Packages": "true",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
        "Acquire::Retries": "1",
        "Acquire::http::Timeout": "20",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    output_of([command("apt-get"), "-qy", *options, "--download-only", "install", package])


def _unpack(work: Path) -> Path:
    root = work / "root"
    for archive in sorted((work / "archives").glob("*.deb")):
        output_of([command("dpkg-deb"), "-x", archive, root])
    shutil.rmtree(work / "archives")
    # Servers do not run as root.
    root.chmod(0o755)
    return root
