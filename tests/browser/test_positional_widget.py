"""Clocks and places in a real JupyterLab: by keyboard, and in narrow windows."""

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELL = """
from transformer_course.widgets.positional import positional_explorer

explorer = positional_explorer()
explorer
"""

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


@pytest.fixture
def explorer(notebook_page):
    notebook_page.open("positional.ipynb", [CELL.strip()])
    notebook_page.run_all()
    expect(finding(notebook_page)).to_contain_text("One hand: once round in 6.3 places.")
    return notebook_page


def finding(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").last


def picture(notebook_page):
    return notebook_page.page.locator(".jupyter-widgets img").first


def slider(notebook_page, name):
    return notebook_page.page.locator(".widget-slider", has_text=name).get_by_role("slider")


def test_sliders_moved_by_keyboard_change_the_picture_and_what_is_said(explorer, tmp_path):
    explorer.page.screenshot(path=tmp_path / "start.png")
    expect(finding(explorer)).to_contain_text(
        "Most like place 0, more than 3 places away: place 44"
    )
    before = picture(explorer).get_attribute("src")
    for _ in range(5):
        slider(explorer, "d_model").press("ArrowRight")
    expect(finding(explorer)).to_contain_text("6 hands: the fastest goes round in 6.3 places")
    slider(explorer, "Place").press("ArrowRight")
    expect(finding(explorer)).to_contain_text("Most like place 1, ")
    slider(explorer, "Base").press("ArrowLeft")
    expect(finding(explorer)).to_contain_text("the slowest in 8,379.")
    assert picture(explorer).get_attribute("src") != before
    explorer.page.screenshot(path=tmp_path / "moved.png")
    assert explorer.errors == []
    assert explorer.outside == []


def test_nothing_sticks_out_of_a_narrow_window(explorer):
    assert explorer.sticking_out(0, "img, .widget-slider, [role=status]") == []
