"""Text in, tokens out in a real JupyterLab: by keyboard, typing hostile text, in both themes."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELLS = [
    """
from transformer_course.widgets.tokenization import token_explorer

explorer = token_explorer()
explorer
""".strip(),
    """
from transformer_course.widgets.tokenization_live import watch_merges

merges = await watch_merges("bank bank bank bank banks banks ban ran ran ran", 5, "the bank ran")
""".strip(),
]

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


@pytest.fixture
def explorer(notebook_page):
    notebook_page.open("tokenization.ipynb", CELLS)
    notebook_page.run_all()
    # While a cell awaits, JupyterLab is not told that the kernel has dealt with a slider's message.
    notebook_page.wait_until_done()
    expect(finding(notebook_page)).to_contain_text("30 tokens for 68 characters: 2.27")
    return notebook_page


def finding(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").first


def tokens(notebook_page):
    return notebook_page.output(0).locator(".token .text")


def test_the_slider_by_keyboard_and_the_choice_of_a_tokenizer_change_the_tokens(explorer, tmp_path):
    explorer.page.screenshot(path=tmp_path / "start.png")
    slider = explorer.page.locator(".widget-slider", has_text="Merges").get_by_role("slider")
    for _ in range(5):  # from 500 to 7,936
        slider.press("ArrowRight")
    expect(finding(explorer)).to_contain_text("19 tokens for 68 characters")
    expect(tokens(explorer).nth(1)).to_have_text("·bank")
    explorer.page.get_by_label("Tokenizer").select_option("WordPiece")
    expect(finding(explorer)).to_contain_text("they are another text: “the·bank·of")
    expect(tokens(explorer)).to_have_count(15)
    explorer.page.screenshot(path=tmp_path / "wordpiece.png")
    assert explorer.errors == []
    assert explorer.outside == []


def test_typed_text_is_shown_as_text_whatever_it_holds(explorer, tmp_path):
    hostile = (
        "<img src=x onerror=window.injected=true></script><script>window.injected=1</script> "
        "&lt;b&gt; 👩‍🚀 שלום \u202eabc " + "W" * 200
    )
    explorer.page.get_by_label("Text", exact=True).fill(hostile)
    expect(tokens(explorer).first).to_have_text(re.compile("^<"))
    for tokenizer in ("bytes", "WordPiece", "byte pairs"):
        explorer.page.get_by_label("Tokenizer").select_option(tokenizer)
        expect(finding(explorer)).to_contain_text("tokens for")
    explorer.page.screenshot(path=tmp_path / "hostile.png")
    shown = "".join(tokens(explorer).all_text_contents())
    assert "&lt;b&gt;" in shown
    assert "</script>" in shown
    assert explorer.page.evaluate("window.injected") is None
    explorer.page.get_by_label("Tokenizer").select_option("characters")
    expect(finding(explorer)).to_contain_text("No tokens: character")
    assert explorer.errors == []
    assert explorer.outside == []


def test_neighbours_differ_in_border_and_can_be_read_in_a_dark_theme(explorer, tmp_path):
    styles = tokens(explorer).evaluate_all(
        "all => all.map(one => getComputedStyle(one.parentElement).borderTopStyle)"
    )
    assert set(pairwise(styles)) == {
        ("solid", "dashed"),
        ("dashed", "solid"),
    }
    explorer.page.evaluate(
        "() => { document.body.dataset.jpThemeLight = 'false';"
        "document.body.style.setProperty('--jp-content-font-color1', '#fff') }"
    )
    colour = tokens(explorer).first.evaluate("one => getComputedStyle(one).color")
    assert colour == "rgb(255, 255, 255)"


def test_merges_appear_in_a_table_while_the_cell_runs(explorer, tmp_path):
    explorer.wait_until_done()
    table = explorer.output(1).first
    expect(table).to_contain_text("5 merges")
    explorer.page.screenshot(path=tmp_path / "live.png")
    assert explorer.errors == []


def test_nothing_sticks_out_of_a_narrow_window(explorer):
    assert explorer.sticking_out(0, "textarea, select, .widget-slider, .token, [role=status]") == []
