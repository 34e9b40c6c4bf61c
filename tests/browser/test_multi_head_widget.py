"""The heads of MiniLM in a real JupyterLab: chosen by keyboard, silenced, with sentences typed."""

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELL = """
from transformer_course.widgets.multi_head import head_explorer

explorer = head_explorer()
explorer
"""

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


@pytest.fixture
def explorer(notebook_page):
    notebook_page.open("heads.ipynb", [CELL.strip()])
    notebook_page.run_all()
    expect(finding(notebook_page)).to_contain_text("Head 0.4 looks from “bank” (2) to “river” (5)")
    return notebook_page


def finding(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").last


def sources(notebook_page):
    images = notebook_page.page.locator(".jupyter-widgets img").all()
    return [image.get_attribute("src") for image in images]


def test_a_head_is_chosen_and_silenced_without_a_mouse(explorer, tmp_path):
    page = explorer.page
    page.screenshot(path=tmp_path / "start.png")
    before = sources(explorer)
    page.get_by_label("Head", exact=True).fill("10")
    page.keyboard.press("Enter")
    expect(finding(explorer)).to_contain_text("Head 0.10 looks from “bank” (2) to “river” (5)")
    assert all(old != new for old, new in zip(before, sources(explorer), strict=True))
    page.get_by_label("Without this head").press("Space")
    expect(finding(explorer)).to_contain_text("Without it, the vector of the first sentence turns")
    page.get_by_label("From", exact=True).select_option(label="12 bank")
    expect(finding(explorer)).to_contain_text("from “bank” (12)")
    page.screenshot(path=tmp_path / "silent.png")
    assert (explorer.errors, explorer.outside) == ([], [])


def test_typed_sentences_are_shown_as_text_and_problems_are_said(explorer, tmp_path):
    page = explorer.page
    hostile = "<img/src=x/onerror=window.injected=1>"
    page.get_by_label("Second sentence").fill(hostile)
    expect(finding(explorer)).not_to_contain_text("In the second sentence")
    page.get_by_label("First sentence").fill("bank " * 40)
    expect(finding(explorer)).to_have_text(
        "The sentence has 42 tokens, expected at most 24; shorten it."
    )
    page.get_by_label("First sentence").fill("The bank was empty")
    expect(finding(explorer)).to_contain_text("from “bank” (2)")
    page.screenshot(path=tmp_path / "hostile.png")
    assert page.evaluate("window.injected") is None
    assert (explorer.errors, explorer.outside) == ([], [])


def test_nothing_sticks_out_of_a_narrow_window(explorer):
    assert explorer.sticking_out(0, "img, input, select, [role=status]") == []
