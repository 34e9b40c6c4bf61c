"""The finished model in a real JupyterLab: it writes while one watches, stops, and runs nothing."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELL = """
from transformer_course.trained import load_trained
from transformer_course.widgets.writing import writing_desk

desk = writing_desk(load_trained("shakespeare"))
desk
"""
INJECTION = "<img src=x onerror='window.injected = true'>"

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


@pytest.fixture
def desk(notebook_page):
    notebook_page.open("desk.ipynb", [CELL.strip(), 'print("kernel free:", desk.write.disabled)'])
    notebook_page.page.locator(".jp-CodeCell").first.click()
    notebook_page.page.keyboard.press("Shift+Enter")
    button(notebook_page, "Write").wait_for()
    return notebook_page


def button(notebook_page, name):
    return notebook_page.page.get_by_role("button", name=name, exact=True)


def page_text(notebook_page):
    return notebook_page.page.locator(".jupyter-widgets pre").inner_text()


def status(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").last


def begin(notebook_page, words):
    notebook_page.page.get_by_label("Beginning").fill(words)
    # A value reaches the kernel in its own time; the click must not overtake it.
    notebook_page.page.get_by_label("Beginning").blur()
    button(notebook_page, "Write").press("Space")


def test_text_grows_while_it_is_written_and_the_kernel_stays_free(desk, tmp_path):
    slider = desk.page.locator(".widget-slider", has_text="Tokens").get_by_role("slider")
    slider.press("End")
    begin(desk, "JULIET:\n")
    desk.page.wait_for_function("document.querySelector('.jupyter-widgets pre b') !== null")
    lengths = [len(page_text(desk))]
    # The next cell runs while the first still writes.
    desk.page.locator(".jp-CodeCell").nth(1).click()
    desk.page.keyboard.press("Control+Enter")
    expect(desk.output(1)).to_contain_text("kernel free: True")
    lengths.append(len(page_text(desk)))
    button(desk, "Stop").click()
    expect(status(desk)).to_contain_text(re.compile("stopped: [0-9]+ tokens"))
    desk.page.screenshot(path=tmp_path / "stopped.png")
    lengths.append(len(page_text(desk)))
    assert lengths == sorted(lengths)
    assert lengths[-1] > lengths[0]
    assert page_text(desk).startswith("JULIET:")
    assert desk.errors == []
    assert desk.outside == []


def test_the_same_seed_writes_the_same_again(desk, tmp_path):
    texts = []
    for _ in range(2):
        button(desk, "Write").click()
        expect(status(desk)).to_contain_text("finished: 150 tokens")
        texts.append(page_text(desk))
        begun = desk.page.get_by_label("Beginning")
        begun.fill("")
        begun.blur()
        button(desk, "Write").click()
        expect(status(desk)).to_contain_text("The beginning is empty")
        begun.fill("ROMEO:\n")
        begun.blur()
    desk.page.screenshot(path=tmp_path / "written.png")
    assert texts[0] == texts[1]
    assert len(texts[0]) > 200


def test_what_is_typed_is_shown_as_text_and_what_it_does_not_know_is_named(desk, tmp_path):
    begin(desk, INJECTION)
    expect(status(desk)).to_contain_text("The plays hold none of “<” “=” “>”")
    begin(desk, "Fran\u00e7ois")
    expect(status(desk)).to_contain_text("The plays hold no “\u00e7”")
    desk.page.screenshot(path=tmp_path / "unknown.png")
    assert desk.page.evaluate("window.injected") is None
    assert desk.errors == []
