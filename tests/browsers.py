"""Headless Chromium and axe-core, for tests that look at a page; a test that asks for them is skipped without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

GRAVE = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of this machine; skips the test where there is none."""
    sync = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def axe_script() -> str:
    """axe-core's script; skips the test where it is not installed."""
    package = pytest.importorskip("axe_core_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@contextmanager
def opened(browser: Any, index: Path, drawn: bool = True, **options: Any) -> Iterator[tuple[Any, list[str], list[str]]]:
    """The page, what it wrote to the console, and what it asked for beyond its own file; waits until scripts have
    `drawn` it."""
    context = browser.new_context(**options)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(index.as_uri())
    if drawn:
        page.wait_for_selector("html[data-drawn]", timeout=60_000)
    yield page, said, [url for url in asked if url.partition(":")[0] not in ("file", "data", "blob")]
    context.close()
