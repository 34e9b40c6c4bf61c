"""Next-token bars in a real JupyterLab: by keyboard, by typing, and in narrow windows."""

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELL = """
from transformer_course.trained import load_trained
from transformer_course.widgets.heads import next_token_explorer

explorer = next_token_explorer(load_trained("shakespeare"), prompt="I pray")
explorer
"""

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


@pytest.fixture
def explorer(notebook_page):
    notebook_page.open("heads.ipynb", [CELL.strip()])
    notebook_page.run_all()
    expect(finding(notebook_page)).to_contain_text("At temperature 1, all 768 tokens stay")
    return notebook_page


def finding(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").last


def picture(notebook_page):
    return notebook_page.page.locator(".jupyter-widgets img")


def slider(notebook_page, name):
    return notebook_page.page.locator(".widget-slider", has_text=name).get_by_role("slider")


def test_controls_by_keyboard_cut_tokens_and_draw_again(explorer, tmp_path):
    explorer.page.screenshot(path=tmp_path / "start.png")
    before = picture(explorer).get_attribute("src")
    for _ in range(2):
        slider(explorer, "Top-k").press("ArrowRight")
    expect(finding(explorer)).to_contain_text("top-k 2, 2 of 768 tokens stay")
    for _ in range(10):
        slider(explorer, "Temperature").press("ArrowLeft")
    expect(finding(explorer)).to_contain_text("At temperature 0, top-k 2, 1 of 768 tokens stay")
    expect(finding(explorer)).to_contain_text("came 1,000 times")
    assert picture(explorer).get_attribute("src") != before
    explorer.page.get_by_role("button", name="Draw again").press("Space")
    explorer.page.screenshot(path=tmp_path / "cut.png")
    assert explorer.errors == []
    assert explorer.outside == []


def test_a_typed_text_is_read_and_shown_as_text(explorer):
    explorer.page.get_by_label("Text").fill("Good m")
    expect(finding(explorer)).to_contain_text("“or”")
    explorer.page.get_by_label("Text").fill("<img src=x onerror='window.injected=true'>é")
    expect(finding(explorer)).to_contain_text("stands in no play that the model has read")
    expect(picture(explorer)).to_be_hidden()
    assert explorer.page.evaluate("window.injected") is None
    assert explorer.errors == []


def test_nothing_sticks_out_of_a_narrow_window(explorer):
    assert explorer.sticking_out(0, "img, textarea, button, .widget-slider, [role=status]") == []
