"""A browser without a window: the machine's own chromium, driven through its chromedriver."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.functional import procfs
from tests.functional.harness import DEADLINE, Found

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
MISSING = "" if CHROMIUM and DRIVER else "needs chromium and chromium-driver, as of Debian"
"""Why there is no browser."""

_MARK = "COTYLEDON_TEST_BROWSER"
_PAUSE = 0.02
_ROOT_ARGUMENTS = ["--no-sandbox"] if os.geteuid() == 0 else []
_ARGUMENTS = (
    "--headless=new",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--lang=en-US",
    *_ROOT_ARGUMENTS,
)


class Browser:
    """See the module's description.

    Texts are looked up by a script, at one moment: the page changes while it is looked at. What is
    so far below that it is not laid out has no ``innerText``.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)

    def clear(self) -> None:
        """Leave nothing behind for whoever has the browser next."""
        self.driver.delete_all_cookies()
        self.open("about:blank")
        self.emulate()
        self.complaints()

    def emulate(self, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Have a screen of this size, and a user who prefers this colour scheme."""
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    # -- looking

    def script(self, text: str, *arguments: Any) -> Any:
        return self.driver.execute_script(text, *arguments)

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements that are shown, with single spaces."""
        return [
            " ".join(text.split())
            for text in self.script(
                """return [...document.querySelectorAll(arguments[0])]
                    .filter((each) => each.checkVisibility())
                    .map((each) => each.innerText || each.textContent)""",
                selector,
            )
        ]

    def text(self, selector: str) -> str:
        """All of them, as one."""
        return " ".join(self.texts(selector))

    def shows(self, selector: str) -> bool:
        return bool(self.texts(selector))

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def complaints(self) -> list[str]:
        """What the console has from warnings on, since this was asked last."""
        return [
            line["message"]
            for line in self.driver.get_log("browser")
            if line["level"] in ("WARNING", "SEVERE")
        ]

    def until(self, found: Callable[[], Found | None], what: str) -> Found:
        """Wait until ``found`` returns something true, and return it."""
        deadline = time.monotonic() + DEADLINE
        while not (result := found()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {what}; the page has:\n{self.text('body')}")
            time.sleep(_PAUSE)
        return result

    def wait_for(self, selector: str, *parts: str) -> str:
        """Wait until it is shown and has all these parts in its text; return the text."""

        def found() -> str | None:
            text = self.text(selector)
            whole = self.shows(selector) and all(part in text for part in parts)
            return text or " " if whole else None

        return self.until(found, f"{parts} in {selector}")

    def wait_until_gone(self, selector: str) -> None:
        self.until(lambda: not self.shows(selector), f"{selector} to be gone")

    # -- acting

    def click(self, selector: str) -> None:
        self.wait_for(selector)
        self.find(selector).click()

    def fill(self, selector: str, text: str) -> None:
        self.wait_for(selector)
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def tab_to(self, selector: str) -> None:
        """Move the focus there with the tabulator alone."""
        for _ in range(200):
            self.press(Keys.TAB)
            if self.script("return document.activeElement.matches(arguments[0])", selector):
                return
        raise AssertionError(f"the tabulator does not lead to {selector}")


@contextlib.contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser; whatever is left of its processes ends with it.

    :param profile: an empty directory for what it keeps.
    """
    mark = f"{uuid.uuid4()}"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    environment = {**os.environ, _MARK: mark, "SE_OFFLINE": "true"}
    try:
        driver = webdriver.Chrome(options=options, service=Service(DRIVER, env=environment))
        try:
            browser = Browser(driver)
            browser.emulate()
            yield browser
        finally:
            driver.quit()
    finally:
        _end(f"{_MARK}={mark}".encode())


def _end(mark: bytes) -> None:
    """Have no process left whose environment has the mark."""
    while left := [
        process.pid
        for process in procfs.table()
        if process.alive and mark in procfs.environment(process.pid)
    ]:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)
