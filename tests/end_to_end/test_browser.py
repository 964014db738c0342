"""The page of the chat works in Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lambda_emulator.emulator import Emulator
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ..chromium import open_chromium
from .conftest import TIMEOUT_S

pytestmark = pytest.mark.cdk

# Records the length of the answer at each change, and whether the page still waits for more.
RECORD = """
window.seen = [];
new MutationObserver(() => {
    const answer = document.querySelector("#talk .his");
    if (answer) window.seen.push([answer.textContent.length, document.querySelector("button").disabled]);
}).observe(document.querySelector("#talk"), { childList: true, subtree: true, characterData: true });
"""


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    with open_chromium() as browser:
        yield browser


def test_answer_grows_while_it_streams(browser: webdriver.Chrome, emulator: Emulator) -> None:
    browser.get(emulator.url("Chat"))
    browser.execute_script(RECORD)
    browser.find_element(By.NAME, "message").send_keys("What is light?")
    button = browser.find_element(By.TAG_NAME, "button")
    button.click()
    WebDriverWait(browser, TIMEOUT_S).until(lambda _: button.is_enabled())
    lengths_while_waiting = {length for length, waiting in browser.execute_script("return window.seen") if waiting}
    assert len(lengths_while_waiting) > 5
    answer = browser.find_element(By.CSS_SELECTOR, "#talk .his").text
    assert answer
    assert len(answer) >= max(lengths_while_waiting)
