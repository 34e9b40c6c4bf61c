"""Lesson 03's widget and pictures: what is shown is what was found, whatever is typed."""

import itertools

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from transformer_course.experiments import embeddings_map
from transformer_course.experiments import embeddings_plots as plots
from transformer_course.experiments.embeddings import PairScores, SimilarWords
from transformer_course.experiments.embeddings_analogies import Analogies, AnalogyScores
from transformer_course.experiments.embeddings_context import TwoBanks
from transformer_course.widgets.embeddings import describe, word_explorer
from transformer_course.widgets.embeddings_picture import explorer_frames, title_of
from transformer_course.word_vectors import Vocabulary, WordVectors, nearest

LANDMARKS = [word for group in embeddings_map.LANDMARKS.values() for word in group]
WORDS = [*LANDMARKS, "king", "queen", "man", "woman", "</script>", "W" * 30]


def vectors(seed=0):
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(len(WORDS), 11, generator=generator)
    return WordVectors(vocabulary=Vocabulary(WORDS), table=table)


@pytest.fixture
def explorer():
    return word_explorer({"one": vectors(0), "other": vectors(1)})


def drawn(explorer):
    return explorer.image.value, explorer.words.value


def ask(explorer, *three):
    explorer.first.value, explorer.second.value, explorer.third.value = three


def test_a_words_neighbours_are_shown_by_name_and_cosine(explorer):
    expected = vectors(0).neighbours("night", 6)
    assert explorer.found == expected
    assert f"nearest to “night” is “{expected[0][0]}” (cosine {expected[0][1]:.2f})" in (
        explorer.words.value
    )


@pytest.mark.parametrize(("control", "value"), [("word", "sun"), ("vectors", "other")])
def test_each_control_changes_picture_and_words(explorer, control, value):
    before = drawn(explorer)
    getattr(explorer, control).value = value
    assert all(one != other for one, other in zip(before, drawn(explorer), strict=True))
    table = vectors(1) if control == "vectors" else vectors(0)
    assert explorer.found == table.neighbours(explorer.word.value, 6)


@pytest.mark.parametrize("own_words", [True, False])
def test_three_words_make_an_analogy_with_and_without_the_questions_own(explorer, own_words):
    explorer.own_words.value = own_words
    ask(explorer, "man", "woman", "king")
    assert explorer.found == vectors(0).analogy("man", "woman", "king", 6, own_words=own_words)
    assert ("were not allowed" in explorer.words.value) is not own_words


def test_two_of_three_words_are_no_analogy_yet(explorer):
    ask(explorer, "man", "woman", " ")
    assert explorer.found == vectors(0).neighbours("night", 6)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("nigth", "“nigth” has no row among 42 words; did you mean night"),
        ("qqqq", "nothing is spelled like it."),
        ("", "Type a word, or three for an analogy."),
        ("<img src=x>", "&lt;img src=x&gt;"),
    ],
)
def test_an_unknown_word_is_one_sentence_and_no_picture(explorer, word, says):
    explorer.word.value = word
    assert says in explorer.words.value
    assert explorer.image.layout.visibility == "hidden"
    assert explorer.found == ()
    explorer.word.value = "Sun"
    assert explorer.image.layout.visibility == "visible"


def test_a_learners_search_is_the_one_that_is_shown_and_may_fail():
    def worst(query, table, count, banned=()):
        rows, cosines = nearest(-query, table, count, banned)
        return rows, -cosines

    def broken(query, table, count, banned=()):
        raise ZeroDivisionError("no luck")

    assert word_explorer({"one": vectors()}, worst).found[0][1] < 0
    told = word_explorer({"one": vectors()}, broken)
    assert "The search for neighbours stopped: ZeroDivisionError: no luck" in told.words.value


def test_no_vectors_are_refused():
    with pytest.raises(ValueError, match="no vectors to explore"):
        word_explorer({})


def test_its_name_is_the_same_on_all_machines(explorer):
    assert repr(explorer).startswith("Words among words: run this cell")


def test_what_is_said_of_an_analogy_is_true():
    found = [("king", 0.65), ("queen", 0.5)]
    asked = ("man", "woman", "king")
    assert describe("x", asked, found, own_words=True).endswith("“king” is a word of the question.")
    assert describe("x", asked, found[1:], own_words=True).endswith("“queen” is a new word.")
    assert title_of(asked) == "king − man + woman"


# Pictures


def overlapping(figure):
    """Return pairs of words of one picture that cover one another, and those that are cut off."""
    FigureCanvasAgg(figure).draw()
    unseen = {
        label
        for axes in figure.axes
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
        if not min(low, high) <= place <= max(low, high)
    }
    found = figure.findobj(lambda part: isinstance(part, Text) and part.get_visible())
    texts = [text for text in found if text not in unseen]
    boxes = [
        (text.get_text(), Text.get_window_extent(text).padded(-1.5))
        for text in texts
        if text.get_text().strip()
    ]
    width, height = figure.bbox.size
    cut = [word for word, box in boxes if min(*box.min, width - box.x1, height - box.y1) < -1]
    return cut + [
        (one, other)
        for (one, box), (other, other_box) in itertools.combinations(boxes, 2)
        if box.overlaps(other_box)
    ]


SHARES = SimilarWords(
    trained=(0.98, 0.96),
    shuffled=(0.61, 0.47),
    shuffled_plain=(0.86, 0.45),
    noise=(0.48, 0.51),
    minilm=(1.0, 0.99),
    minilm_noise=(0.52, 0.53),
)


def heights(axes):
    return [bar.get_height() for bar in axes.patches]


def test_bars_of_comparisons_are_the_shares():
    figure = plots.won_bars(SHARES)
    drawn_heights = heights(figure.axes[0])
    assert drawn_heights[:6] == [0.98, 0.86, 0.61, 0.48, 1.0, 0.52]
    assert drawn_heights[6:] == [0.96, 0.45, 0.47, 0.51, 0.99, 0.53]
    # No number stands across the line of chance, nor on it: each is inside its own bar.
    inside = [text for text in figure.axes[0].texts if text.get_text() != "chance"]
    tops = [text.get_position()[1] for text in inside]
    assert all(top < height for top, height in zip(tops, drawn_heights, strict=True))
    assert overlapping(figure) == []


def test_bars_of_analogies_are_the_shares():
    scores = AnalogyScores(allowed=0.1, forbidden=0.8, third_alone=0.3, own_word=1.0)
    figure = plots.analogy_bars(
        Analogies(kinds={"a kind": scores, "another": scores}, together=scores, noise=scores)
    )
    assert heights(figure.axes[0]) == [0.1, 0.1, 0.8, 0.8, 0.3, 0.3]
    assert overlapping(figure) == []


def test_histograms_draw_all_three_kinds_in_each_panel():
    scores = PairScores(
        related=torch.rand(50), random=torch.rand(50, 4) - 0.4, matched=torch.rand(50, 4) - 0.3
    )
    figure = plots.cosine_histograms({"one": scores, "other": scores})
    assert [len(axes.patches) for axes in figure.axes] == [3, 3]
    assert overlapping(figure) == []


def test_the_two_banks_begin_as_one_row():
    banks = TwoBanks(
        lookup_difference=0.0,
        trained=(0.958, 0.909, 0.859, 0.863, 0.9, 0.92, 0.948),
        untrained=(0.675, 0.676, 0.678, 0.68, 0.677, 0.679, 0.677),
        twice=0.0,
    )
    figure = plots.bank_curves(banks)
    lines = [list(line.get_ydata()) for line in figure.axes[0].lines]
    assert lines == [[1.0, *banks.trained], [1.0, *banks.untrained]]
    assert overlapping(figure) == []


def test_tables_hold_their_numbers_in_cells():
    table = torch.tensor([[1.0, -0.5], [0.0, 0.25]])
    figure = plots.table_picture(
        {"a": table, "b": 2 * table}, {"a": ["river", "bank"], "b": ["x", "y"]}, ("=",)
    )
    cells = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert cells == [["1", "−0.5", "0", "0.25"], ["2", "−1", "0", "0.5"]]
    assert overlapping(figure) == []


def test_a_step_is_drawn_from_before_to_after():
    before = {"river": torch.tensor([1, 0.5]), "bank": torch.tensor([-0.4, 0.8])}
    before["empty"] = torch.tensor([0.8, -0.2])
    after = {name: 0.5 * vector for name, vector in before.items()}
    figure = plots.step_picture(before, after)
    ends = [text.xy for text in figure.axes[0].texts if not text.get_text()]
    assert ends[:2] == [(1.0, 0.5), (0.5, 0.25)]


def test_losses_are_smoothed_over_fifty_steps_or_what_there_is():
    figure = plots.loss_curves({"long": [4.0] * 60 + [2.0] * 60, "short": [4.0, 2.0]}, 4.16)
    long, short, _ = figure.axes[0].lines
    assert (len(long.get_xdata()), long.get_ydata()[0], long.get_ydata()[-1]) == (71, 4.0, 2.0)
    assert list(short.get_ydata()) == [3.0]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_map_shows_every_landmark_where_the_plane_has_it(seed):
    known = vectors(seed)
    figure = embeddings_map.word_map(known)
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == set(LANDMARKS)
    shown = torch.cat([torch.tensor(line.get_xydata()) for line in axes.lines])
    unit = known.directions[known.vocabulary.rows(LANDMARKS)]
    plane, share = embeddings_map.principal_plane(unit)
    torch.testing.assert_close(shown.float(), unit @ plane.T)
    assert f"{share:.0%} of the variance" in axes.get_title(loc="left")
    assert len(overlapping(figure)) <= 2  # of 36 names, where points lie on top of each other


def test_the_strip_shows_a_word_and_both_kinds_of_analogy():
    figure = explorer_frames({"one": vectors()}, "night", ("man", "woman", "king"))
    titles = [axes.get_title() or axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["night", "king − man + woman, any word", "king − man + woman, others only"]
    names = [text.get_text() for text in figure.axes[2].texts[::2]]
    expected = vectors().analogy("man", "woman", "king", 3, own_words=False)
    assert names == [word for word, _ in expected]


def test_a_name_that_stands_off_its_point_is_led_to_it():
    axes = embeddings_map.word_map(vectors()).axes[0]
    lined = [text.arrow_patch is not None for text in axes.texts]
    assert lined == [text.xyann[1] != 0 for text in axes.texts]


@pytest.mark.parametrize(("other", "shift"), [(None, (6.0, 0.0)), ((8.0, 0.0), (-6.0, 0.0))])
def test_a_name_leaves_the_side_on_which_another_point_would_claim_it(other, shift):
    points = np.array([(0.0, 0.0), *([other] if other else [])])
    dots = np.hstack([points - 3, points + 3])
    amiss, found, box = embeddings_map._free_place(points[0], 30.0, dots, points)
    assert (amiss, found) == (0, shift)
    assert np.diff(box[[0, 2]]) == 30
