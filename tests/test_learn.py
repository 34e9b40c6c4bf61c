"""Tests of what notebooks import."""

import base64
import io

import pytest
from matplotlib.figure import Figure
from PIL import Image

from transformer_course import learn
from transformer_course.learn import claim, show


@pytest.fixture
def displayed(monkeypatch):
    outputs = []
    monkeypatch.setattr(
        learn, "publish_display_data", lambda data, metadata: outputs.append((data, metadata))
    )
    return outputs


def test_a_shown_figure_is_a_png_twice_as_dense_as_the_page(displayed):
    show(Figure(figsize=(3, 2)), "An empty figure.")
    ((data, metadata),) = displayed
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).size == (600, 400)
    assert metadata["image/png"]["width"] == 300


def test_the_alternative_text_stands_in_the_metadata_and_as_plain_text(displayed):
    show(Figure(), "Six words: all weight on or below the diagonal.")
    ((data, metadata),) = displayed
    assert data["text/plain"] == "Six words: all weight on or below the diagonal."
    assert metadata["image/png"]["alt"] == data["text/plain"]


def test_showing_a_figure_leaves_it_as_it_was(displayed):
    figure = Figure(figsize=(3, 2), dpi=77)
    show(figure, "An empty figure.")
    assert figure.dpi == 77


def test_the_same_figure_gives_the_same_output(displayed):
    for _ in range(2):
        show(Figure(), "An empty figure.")
    assert displayed[0] == displayed[1]


@pytest.mark.parametrize("alt", ["", " \n"])
def test_a_figure_without_words_is_refused(displayed, alt):
    with pytest.raises(ValueError, match="alt is empty; say in a sentence"):
        show(Figure(), alt)


@pytest.mark.parametrize(("holds", "mark"), [(True, "✓"), (False, "✗")])
def test_a_claim_is_one_line_that_says_whether_it_holds(capsys, holds, mark):
    claim("C8", "scores spread 1.0 with √d_k, 8.0 without", holds)
    assert capsys.readouterr().out == f"C8 {mark} scores spread 1.0 with √d_k, 8.0 without\n"


def test_a_long_claim_is_broken_between_words_and_its_control_has_a_line_of_its_own(capsys):
    statement = "sums of unseen pairs, " * 7
    claim("C11", statement, holds=True, control="no positions: below 0.25")
    *lines, control = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 90
    assert " ".join(line.strip() for line in lines) == f"C11 ✓ {statement.strip()}"
    assert control == "control: no positions: below 0.25"
