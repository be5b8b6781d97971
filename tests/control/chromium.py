"""The system's Chromium, headless, for the tests of the console and for its pictures."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.thoroughness import absent

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    # One process draws every page: a page of another origin otherwise starts one of its own, and another in reserve.
    "--in-process-gpu",
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PROGRAMS = "chromium-headless-shell", "chromium", "chromium-browser"
"""Names of the program. The shell is Chromium without the windows around a page, and takes two thirds of the time."""


@contextlib.contextmanager
def chromium() -> Iterator["Browser"]:
    """A browser. Without one on this machine the test is skipped; in continuous integration it fails."""
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if executable is None:
        absent("no Chromium on this machine: install `chromium-headless-shell`, or say in CHROMIUM where it is")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
