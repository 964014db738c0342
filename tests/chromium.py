"""Chromium without its background traffic, driven by Selenium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver

from .requirements import require_program

_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)


@contextmanager
def open_chromium(*flags: str) -> Iterator[webdriver.Chrome]:
    chromium = require_program("chromium", "chromium-browser", "google-chrome", because="Debian: chromium")
    driver = require_program("chromedriver", because="Debian: chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_QUIET, *flags):
        options.add_argument(flag)
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()
