"""Make the pictures of the dashboard in ``images``, from a manager that runs for two minutes.

    python doc/screenshots.py

It takes chromium and its driver, and the extras ``test`` and ``dashboard``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "doc/images"
sys.path.insert(0, str(ROOT))

from cotyledon_core.control import Client, NoManager  # noqa: E402
from tests.functional.browsing import Browser, started  # noqa: E402

TOKEN = "not-much-of-a-secret"
PORT = 9180
PATIENCE = 20.0
"""Seconds to wait for what must happen."""
WORKING = 40.0
"""Seconds between two incidents, so that the curves have something to tell."""
PICTURES = (  # a name, a size, a colour scheme, and what is at the top or as near as can be
    ("dashboard-light", 1280, 920, "light", "body"),
    ("dashboard-dark", 1280, 920, "dark", "#plots"),
    ("dashboard-phone", 390, 844, "light", "body"),
)

CONFIGURATION = f"""\
[DEFAULT]
graceful_shutdown_timeout = 10

[cotyledon]
name = shop
services = web, mail, clock, dashboard

[control]
socket = control.sock

[service:web]
service_type = command
command = {sys.executable} work.py requests 0.3
workers = 3

[service:mail]
service_type = command
command = {sys.executable} work.py letters 0.1
workers = 2

[service:clock]
service_type = example
greeting = tick
interval = 1

[service:dashboard]
service_type = dashboard
address = 127.0.0.1:{PORT}
token = {TOKEN}
"""

WORK = '''\
"""Does a part of each second's work, more and less by turns, and tells how much it was."""

import math
import os
import random
import socket
import sys
import time

what, share = sys.argv[1], float(sys.argv[2])
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
kept, done = [], 0
while True:
    began = time.monotonic()
    busy = share * (1 + math.sin(began / 9)) / 2 * random.uniform(0.7, 1.3)
    while time.monotonic() < began + busy:
        done += 1
    kept = (kept + [bytes(200_000)])[-random.randint(20, 60):]
    told.send(f"STATUS={what} served: {done // 10_000}".encode())
    time.sleep(max(0.0, began + 1 - time.monotonic()))
'''


def wait_for_all(path: Path) -> None:
    """Wait until everything is as wanted."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with Client(str(path), PATIENCE) as client:
                client.wait(timeout=PATIENCE)
                return
        except NoManager:
            time.sleep(0.1)
    raise SystemExit("the manager does not get ready")


def kill(path: Path, service: str, worker: int) -> None:
    with Client(str(path), PATIENCE) as client:
        pid = client.status(service, worker).services[0].workers[0].pid
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


def make_history(path: Path) -> None:
    """Have something to tell."""
    wait_for_all(path)
    time.sleep(WORKING)
    kill(path, "web", 1)
    time.sleep(WORKING)
    with Client(str(path), PATIENCE) as client:
        client.restart("mail", rolling=True)
    time.sleep(WORKING)
    for _ in range(2):
        kill(path, "web", 2)
        time.sleep(0.3)


def take(browser: Browser, pictures: Sequence[tuple[str, int, int, str, str]]) -> None:
    browser.open(f"http://127.0.0.1:{PORT}/")
    browser.fill("#token", TOKEN)
    browser.click("#sign-in-form button")
    for name, width, height, scheme, top in pictures:
        browser.emulate(width, height, scheme)
        browser.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        browser.wait_for("#ends", "web:1", "signal")
        browser.wait_for('[data-plots="web"]', "CPU")
        browser.script("document.activeElement.blur()")
        browser.script("document.querySelector(arguments[0]).scrollIntoView()", top)
        time.sleep(1.5)
        browser.driver.save_screenshot(str(IMAGES / f"{name}.png"))


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise SystemExit(f"something listens at port {PORT} already")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "shop.conf").write_text(CONFIGURATION)
        (directory / "work.py").write_text(WORK)
        command = [sys.executable, "-m", "cotyledon_core", "run", "--config-file", "shop.conf"]
        with (directory / "log").open("wb") as log:
            manager = subprocess.Popen(command, cwd=directory, stderr=log)
        try:
            with started(directory / "profile") as browser:
                make_history(directory / "control.sock")
                take(browser, PICTURES)
        finally:
            manager.terminate()
            manager.wait()


if __name__ == "__main__":
    main()
