"""Servers from Debian's packages, unpacked into the cache; nothing is installed or started.

apt says what is missing on this machine, fetches it and checks its signatures; no script of a
package is run.
"""

from __future__ import annotations

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
                _fetch(package, Path(work))
                _unpack(Path(work)).rename(root)
    return root


def _fetch(package: str, work: Path) -> None:
    """All that apt keeps is in ``work``, so that neither root nor a recent update is needed."""
    settings = {
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
        "Acquire::http::Timeout": "20",
    }
    for name in ("lists", "archives"):
        (work / name / "partial").mkdir(parents=True)
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    apt = [command("apt-get"), "-qy", *options]
    output_of([*apt, "update"])
    output_of([*apt, "--download-only", "install", package])


def _unpack(work: Path) -> Path:
    root = work / "root"
    for archive in sorted((work / "archives").glob("*.deb")):
        output_of([command("dpkg-deb"), "-x", archive, root])
    # Servers do not run as root.
    root.chmod(0o755)
    return root
