"""Who looks at whom in a real JupyterLab: by keyboard, typing, in narrow windows."""

import re

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELL = """
from transformer_course.widgets.attention import attention_explorer

explorer = attention_explorer()
explorer
"""

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


@pytest.fixture
def explorer(notebook_page):
    notebook_page.open("attention.ipynb", [CELL.strip()])
    notebook_page.run_all()
    expect(finding(notebook_page)).to_contain_text("“bank” (word 2) looks at “river”")
    return notebook_page


def finding(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").last


def pictures(notebook_page):
    return notebook_page.page.locator(".jupyter-widgets img")


def sources(notebook_page):
    return {image.get_attribute("src") for image in pictures(notebook_page).all()}


def type_sentence(notebook_page, sentence):
    notebook_page.page.get_by_label("Sentence").fill(sentence)


def test_a_query_turned_by_keyboard_changes_the_pictures_and_what_is_said(explorer, tmp_path):
    explorer.page.screenshot(path=tmp_path / "start.png")
    before = sources(explorer)
    angle = explorer.page.locator(".widget-slider", has_text="Angle").get_by_role("slider")
    for _ in range(9):  # from 45° to 0°, where “river” stands
        angle.press("ArrowLeft")
    expect(finding(explorer)).to_contain_text("most at “river” (word 5): 0.64")
    assert len(before | sources(explorer)) == 4
    explorer.page.get_by_role("button", name="Its own query").press("Space")
    expect(finding(explorer)).to_contain_text("“river” (word 5) and “financial” (word 10) alike")
    explorer.page.screenshot(path=tmp_path / "back.png")
    assert explorer.errors == []
    assert explorer.outside == []


def test_a_typed_sentence_is_shown_as_text_whatever_it_holds(explorer, tmp_path):
    hostile = "<img/src=x/onerror=window.injected=true> </script> 👩‍🚀 שלום &lt; " + "W" * 300
    type_sentence(explorer, hostile)
    expect(finding(explorer)).to_contain_text("“</script>” (word 2) looks")
    expect(explorer.page.get_by_label("Query of").locator("option")).to_have_count(6)
    explorer.page.screenshot(path=tmp_path / "hostile.png")
    assert explorer.page.evaluate("window.injected") is None
    assert explorer.errors == []
    assert explorer.outside == []


def test_a_sentence_of_one_word_is_answered_in_words_and_the_pictures_come_back(explorer):
    type_sentence(explorer, "bank")
    expect(finding(explorer)).to_have_text("The sentence has 1 word, expected 2 to 16; add some.")
    expect(pictures(explorer).first).to_be_hidden()
    type_sentence(explorer, "bank river")
    expect(finding(explorer)).to_contain_text(re.compile(r"“(bank|river)” .* looks"))
    expect(pictures(explorer).first).to_be_visible()


def test_nothing_sticks_out_of_a_narrow_window(explorer):
    assert (
        explorer.sticking_out(0, "img, input, select, button, .widget-slider, [role=status]") == []
    )
