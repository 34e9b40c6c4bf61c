"""Words among words in a real JupyterLab: typed words, an analogy, and what is no word."""

import pytest
from playwright.sync_api import expect

from .conftest import SLOW

CELL = """
from transformer_course.experiments.embeddings import minilm_vectors, random_vectors
from transformer_course.widgets.embeddings import word_explorer

real = minilm_vectors()
explorer = word_explorer({"MiniLM": real, "random": random_vectors(real, 0)})
explorer
"""

pytestmark = pytest.mark.browser
expect.set_options(timeout=SLOW)


def finding(notebook_page):
    return notebook_page.page.locator("[role=status][aria-live=polite]").last


def enter(notebook_page, label, word):
    box = notebook_page.page.get_by_label(label, exact=True)
    box.fill(word)
    box.press("Enter")


def test_words_are_typed_and_found(notebook_page, tmp_path):
    notebook_page.open("embeddings.ipynb", [CELL.strip()])
    notebook_page.run_all()
    expect(finding(notebook_page)).to_contain_text("nearest to “night” is “nights”")
    picture = notebook_page.page.locator(".jupyter-widgets img")
    before = picture.get_attribute("src")
    enter(notebook_page, "Neighbours of", "bank")
    expect(finding(notebook_page)).to_contain_text("nearest to “bank” is “banks”")
    assert picture.get_attribute("src") != before
    notebook_page.page.screenshot(path=tmp_path / "word.png")

    for label, word in (("or:", "man"), ("is to", "woman"), ("as", "king")):
        enter(notebook_page, label, word)
    expect(finding(notebook_page)).to_contain_text("“king” is to “queen”")
    notebook_page.page.get_by_label("own words may be the answer").check()
    expect(finding(notebook_page)).to_contain_text("“king” is a word of the question")
    notebook_page.page.screenshot(path=tmp_path / "analogy.png")

    enter(notebook_page, "as", "<img/src=x/onerror=window.injected=true>")
    expect(finding(notebook_page)).to_contain_text("has no row among 21,719 words")
    expect(picture).to_be_hidden()
    assert notebook_page.page.evaluate("window.injected") is None
    assert notebook_page.errors == []
    assert notebook_page.outside == []
