"""Who is measured, and how each is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path

from benchmarks.contestants.stamps import WATCHDOG
from benchmarks.session import Session

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(__file__).resolve().parent / "contestants"
BASE = "bare"
"""The key of the contestant that the others are compared with."""
COTYLEDON_LIMIT = 506
"""Workers; with one more its select() meets descriptor 1024."""

ENTRY_POINTS = """\
[cotyledon.services]
benchmark-stamping = benchmarks.contestants.configured:Stamping
benchmark-crashing = benchmarks.contestants.configured:Crashing
"""
CONFIGURATION = """\
[cotyledon]
services = {services}

[service:stamping]
service_type = benchmark-stamping
workers = {workers}
watchdog_timeout = {watchdog}

[service:crashing]
service_type = benchmark-crashing
"""


def python(*arguments: str) -> list[str]:
    """The command line of a contestant: this interpreter, without the script's directory."""
    return [sys.executable, "-P", *arguments]


@dataclass(frozen=True)
class Contestant:
    """One column of the table."""

    key: str
    title: str
    script: str = ""
    extra: Sequence[str] = ()
    """Further arguments of the script."""
    imports: Mapping[str, str] = field(default_factory=dict)
    """What the import rows execute, by row."""
    missing: str = ""
    """Why it cannot run here, if so."""
    most_workers: int = sys.maxsize
    has_services: bool = True
    """Whether it can run two services side by side."""
    has_watchdog: bool = False
    replaces: bool = True
    """Whether SIGHUP has it replace the workers of a service without reload code."""

    def start(self, scratch: Path, workers: int, *options: str) -> Session:
        """Start it with ``workers`` workers.

        :param options: ``neighbour`` for a service that crash-loops beside, ``watched`` for
            workers with a watchdog, ``replaced`` for workers that have no reload code.
        """
        arguments = [str(workers), *self.extra, *options]
        return Session(python(str(SCRIPTS / self.script), *arguments), environment(scratch))


class Configured(Contestant):
    """The contestant that is started from a configuration file."""

    def start(self, scratch: Path, workers: int, *options: str) -> Session:
        services = "stamping, crashing" if "neighbour" in options else "stamping"
        watchdog = WATCHDOG if "watched" in options else 0
        file = scratch / "benchmark.conf"
        file.write_text(CONFIGURATION.format(services=services, workers=workers, watchdog=watchdog))
        arguments = (str(SCRIPTS / self.script), "run", "--config-file", str(file))
        return Session(python(*arguments), environment(scratch))


def environment(scratch: Path) -> dict[str, str]:
    """Where contestants find this checkout, and the benchmark's services as entry points."""
    distribution = scratch / "cotyledon_benchmark-0.dist-info"
    if not distribution.exists():
        distribution.mkdir()
        (distribution / "METADATA").write_text("Name: cotyledon-benchmark\nVersion: 0\n")
        (distribution / "entry_points.txt").write_text(ENTRY_POINTS)
    inherited = os.environ.get("PYTHONPATH")
    path = [str(CHECKOUT), str(scratch), *([inherited] if inherited else [])]
    own = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    # stevedore's cache of entry points goes with the scratch directory, as does the byte code:
    # a checkout may have none, where an installed contestant has its own
    return {
        **own,
        "PYTHONPATH": os.pathsep.join(path),
        "XDG_CACHE_HOME": str(scratch),
        "PYTHONPYCACHEPREFIX": str(scratch / "bytecode"),
    }


def roster() -> list[Contestant]:
    """All contestants, in the order of the table's columns."""
    version = installed_version("cotyledon")
    no_cotyledon = "" if version else "Cotyledon is not installed (pip install cotyledon==2.2.0)"
    installed = installed_version("cotyledon-core") and util.find_spec("oslo_config")
    return [
        Contestant(BASE, "bare loop", "bare_loop.py", has_services=False),
        Contestant(
            "core",
            "cotyledon_core",
            "core_api.py",
            has_watchdog=True,
            imports={
                "import": "import cotyledon_core; cotyledon_core.ServiceManager",
                "import, package alone": "import cotyledon_core",
            },
        ),
        Configured(
            "run",
            "cotyledon run",
            "configured.py",
            has_watchdog=True,
            replaces=False,
            missing="" if installed else "cotyledon-core is not installed (pip install .)",
        ),
        Contestant(
            "cotyledon",
            f"Cotyledon {version}".strip(),
            "cotyledon_api.py",
            imports={"import": "import cotyledon"},
            missing=no_cotyledon,
            most_workers=COTYLEDON_LIMIT,
        ),
        Contestant(
            "unpaced",
            "without pauses",
            "cotyledon_api.py",
            extra=("unpaced",),
            missing=no_cotyledon,
            most_workers=COTYLEDON_LIMIT,
        ),
    ]


def installed_version(distribution: str) -> str:
    """The version of an installed distribution; empty if there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
