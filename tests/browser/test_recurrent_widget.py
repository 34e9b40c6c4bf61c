"""How long an RNN remembers in a real JupyterLab: by keyboard, and in narrow windows."""

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELL = """
from transformer_course.widgets.recurrent import memory_explorer

explorer = memory_explorer()
explorer
"""

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


@pytest.fixture
def explorer(notebook_page):
    notebook_page.open("recurrent.ipynb", [CELL.strip()])
    notebook_page.run_all()
    expect(finding(notebook_page)).to_contain_text("Recurrent weight 0.5, distance 50")
    return notebook_page


def finding(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").last


def slider(notebook_page, name):
    return notebook_page.page.locator(".widget-slider", has_text=name).get_by_role("slider")


def test_the_keyboard_moves_weight_and_distance_and_the_picture_follows(explorer, tmp_path):
    explorer.page.screenshot(path=tmp_path / "start.png")
    picture = explorer.page.locator(".jupyter-widgets img")
    before = picture.get_attribute("src")
    slider(explorer, "Recurrent weight").press("ArrowRight")
    expect(finding(explorer)).to_contain_text("Recurrent weight 0.7, distance 50")
    slider(explorer, "Distance").press("ArrowRight")
    expect(finding(explorer)).to_contain_text("Recurrent weight 0.7, distance 100")
    assert picture.get_attribute("src") != before
    explorer.page.screenshot(path=tmp_path / "moved.png")
    assert explorer.errors == []
    assert explorer.outside == []


def test_nothing_sticks_out_of_a_narrow_window(explorer):
    assert explorer.sticking_out(0, "img, .widget-slider, [role=status]") == []
