"""Writes ``images/status.svg`` and ``images/top.svg``: what the commands show of a real manager.

    python doc/terminal_screenshots.py

Needs the extra ``[cli]``.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from cotyledon_core import Service, ServiceManager, WorkerId

IMAGES = Path(__file__).parent / "images"
NAME = "shop"
STATUS_WIDTH = 104
TOP_SIZE = (140, 18)
SETTLED = 20
"""Seconds: the service that fails waits for its next start then."""
INTERVAL = 1.0


# -- the manager


class Working(Service):
    """Computes for a part of each moment.

    :param share: of a processor.
    :param kept: bytes more at each moment.
    """

    def __init__(self, worker_id: WorkerId, share: float, kept: int = 0) -> None:
        super().__init__(worker_id)
        self._share = share * (1 + worker_id / 2)
        self._kept = kept
        self._stopping = threading.Event()

    def run(self) -> None:
        kept, number = [], 0
        while not self._stopping.is_set():
            share = self._share * (1 + number % 5) / 3
            end = time.process_time() + share
            while time.process_time() < end:
                pass
            kept.append(b"x" * self._kept)
            number += 1
            self.status(f"{number} done")
            self._stopping.wait(1 - share)

    def terminate(self) -> None:
        self._stopping.set()


class Failing(Service):
    """Does not find what it needs."""

    def run(self) -> None:
        time.sleep(0.2)
        raise SystemExit("no such queue: orders")


def serve(configuration: str) -> None:
    """Be the manager."""
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    conf([f"--config-file={configuration}"], project=NAME)
    manager = ServiceManager(conf=conf)
    manager.add(Working, workers=4, args=(0.1,), name="web")
    manager.add(Working, workers=2, args=(0.02, 2 << 20), name="mail")
    manager.add(Failing, name="orders")
    manager.run()


# -- the images


def status(socket: str) -> str:
    """What ``cotyledon status`` writes to a terminal, as an image."""
    from rich.console import Console
    from rich.text import Text

    done = subprocess.run(
        [sys.executable, "-m", "cotyledon_core", "status", "--socket", socket],
        env={
            **os.environ,
            "FORCE_COLOR": "1",
            "COLUMNS": str(STATUS_WIDTH),
            "TERM": "xterm-256color",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    console = Console(width=STATUS_WIDTH, record=True, file=io.StringIO())
    console.print(Text.from_ansi(done.stdout.rstrip()))
    return console.export_svg(title="cotyledon status")


async def top(socket: str) -> str:
    """The screen of ``cotyledon top``, after some looks."""
    from cotyledon_core.cli.top.app import Top
    from cotyledon_core.cli.top.samples import KEPT
    from cotyledon_core.control import AsyncClient

    async with AsyncClient(socket) as client:
        app = Top(lambda: client.status(resources=True), INTERVAL)
        async with app.run_test(size=TOP_SIZE) as pilot:
            await asyncio.sleep(INTERVAL * (KEPT + 1))
            await pilot.press("c")
            await pilot.pause()
            return app.export_screenshot(title="cotyledon top")


def write(name: str, image: str) -> None:
    """Keep an image, without the font that it would load from elsewhere."""
    text = re.sub(r"@font-face \{.*?\}\s*", "", image, flags=re.DOTALL)
    text = re.sub(r"font-family: Fira Code.*?;", "font-family: monospace;", text)
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / name).write_text("\n".join(map(str.rstrip, text.splitlines())) + "\n")


def main() -> None:
    """Start a manager, look at it, end it."""
    with tempfile.TemporaryDirectory() as directory:
        socket = os.path.join(directory, "control.sock")
        configuration = os.path.join(directory, "shop.conf")
        Path(configuration).write_text(
            f"[cotyledon]\nname = {NAME}\n[control]\nsocket = {socket}\n"
        )
        manager = subprocess.Popen(
            [sys.executable, __file__, configuration], stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(SETTLED)
            write("top.svg", asyncio.run(top(socket)))
            write("status.svg", status(socket))
        finally:
            manager.terminate()
            manager.wait()


if __name__ == "__main__":
    if sys.argv[1:]:
        serve(sys.argv[1])
    else:
        main()
