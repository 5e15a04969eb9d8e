"""A program from PyPI in a virtual environment of its own, kept for the next run."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from lab.commands import output_of

PROGRAMS = Path(__file__).parents[1]
CHECKOUT = PROGRAMS.parents[1]
NOT_BUILT = shutil.ignore_patterns(".*", "build", "doc", "tests", "*.egg-info")


class Environment:
    """The virtual environment of one program.

    ``requirements/NAME.txt`` pins everything in it, the frameworks that the program was written
    for included. It is made anew when that file or the Python changes.
    """

    def __init__(self, name: str, cache: Path) -> None:
        self._requirements = PROGRAMS / "requirements" / f"{name}.txt"
        self._directory = cache / f"{name}-py{sys.version_info[0]}.{sys.version_info[1]}"
        self.bin = self._directory / "bin"
        self.python = self.bin / "python"

    def prepare(self) -> None:
        """Make it, if it is not there.

        :raises Unavailable: if the packages cannot be had.
        """
        wanted = f"{sys.version}\n{self._requirements.read_text()}"
        made = self._directory / "made-of.txt"
        if made.exists() and made.read_text() == wanted:
            return
        shutil.rmtree(self._directory, ignore_errors=True)
        output_of([sys.executable, "-m", "venv", self._directory])
        output_of([self.python, "-m", "pip", "install", "-q", "-r", self._requirements])
        made.write_text(wanted)

    def install_checkout(self) -> None:
        """Add what this checkout builds, as a user would install it."""
        with tempfile.TemporaryDirectory() as directory:
            # A build leaves files beside the sources, and uses what an earlier one left there.
            source = shutil.copytree(CHECKOUT, Path(directory) / "source", ignore=NOT_BUILT)
            pip = [self.python, "-m", "pip"]
            options = ["-q", "--no-deps", "--no-build-isolation"]
            output_of([*pip, "wheel", *options, "-w", directory, source])
            (wheel,) = Path(directory).glob("*.whl")
            output_of([*pip, "install", *options, "--force-reinstall", wheel])

    def compat_path(self) -> str:
        """The folder whose packages answer to the names ``cotyledon`` and ``oslo_service``."""
        return output_of([self.bin / "cotyledon", "compat-path"]).strip()

    def version(self, distribution: str) -> str:
        """The version of an installed distribution."""
        code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
        return output_of([self.python, "-c", code, distribution]).strip()
