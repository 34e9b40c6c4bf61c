"""Lesson 02's widget: what is shown is what was cut, as text, whatever is typed or handed in."""

import asyncio
import re

import pytest

from transformer_course.byte_pair_merges import learn_merges, merge_by_rank
from transformer_course.experiments.tokenization_pieces import (
    BYTE_PAIRS,
    BYTES,
    CHARACTERS,
    TOKENIZERS,
    WORD_PIECE,
    cut_by,
    cut_by_merges,
    rows_of_cuts,
    visible,
    visible_bytes,
)
from transformer_course.experiments.tokenization_table import table_of_cuts
from transformer_course.pre_tokenization import PreTokenizer
from transformer_course.widgets import tokenization_live
from transformer_course.widgets.controls import TYPING_SECONDS
from transformer_course.widgets.tokenization import (
    LONGEST,
    MERGES,
    SENTENCE,
    token_explorer,
)
from transformer_course.widgets.tokenization_live import MergeTable, watch_merges

HOSTILE = (
    "</script><script>window.x=1</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp;",
    "שלום, مرحبا \u202eabc\u2066",
    "👩‍🚀 e\u0301 \x00\t\n",
    "</span></div>\"'",
)


@pytest.mark.parametrize("tokenizer", [BYTES, BYTE_PAIRS])
@pytest.mark.parametrize("text", ["", SENTENCE, *HOSTILE])
def test_bytes_and_byte_pairs_give_back_what_they_were_given(tokenizer, text):
    cut = cut_by(tokenizer, text, 500)
    assert cut.decoded == text
    assert "the same text" in cut.sentence


def test_bytes_are_numbered_by_themselves():
    assert [piece.token_id for piece in cut_by(BYTES, "bé").pieces] == [98, 195, 169]
    assert [piece.shown for piece in cut_by(BYTES, "bé").pieces] == ["b", "⟨C3⟩", "⟨A9⟩"]


def test_more_merges_make_fewer_tokens():
    counts = [len(cut_by(BYTE_PAIRS, SENTENCE, number).pieces) for number in MERGES]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (68, 19)


def test_characters_are_those_of_the_plays_and_others_are_refused():
    assert len(cut_by(CHARACTERS, SENTENCE).pieces) == 68
    with pytest.raises(ValueError, match=r"'é' \(U\+00E9\) is not among"):
        cut_by(CHARACTERS, "café")


def test_word_piece_says_what_comes_back_instead():
    cut = cut_by(WORD_PIECE, "Café")
    assert [piece.shown for piece in cut.pieces] == ["cafe"]
    assert cut.sentence == (
        "1 token for 4 characters: 4.00 characters a token. Decoded, they are another text: “cafe”."
    )


def test_a_cut_is_written_with_bars_between_its_tokens():
    assert cut_by(BYTE_PAIRS, " bank", 0).written == "· | b | a | n | k"


def test_rows_of_cuts_are_counted_and_the_longest_stands_first():
    rows = rows_of_cuts("the financial bank", (7_936, 0))
    assert list(rows) == ["characters: 18", "0 merges: 18", "7,936 merges: 6", "WordPiece: 3"]
    assert [piece.shown for piece in rows["7,936 merges: 6"]][-1] == "·bank"


def test_what_has_no_looks_of_its_own_is_shown_by_its_code_point():
    assert visible(" \n\tb\u202e\u200d\x00\u00a0\u0301") == (
        "·⏎⇥b⟨U+202E⟩⟨U+200D⟩⟨U+0000⟩⟨U+00A0⟩◌\u0301"
    )
    assert visible_bytes(b"\xf0\x9f") == "⟨F0 9F⟩"


def test_a_mark_stays_on_its_letter_and_stands_on_a_circle_where_that_is_in_another_token():
    assert visible("नदी e\u0301\u0302") == "नदी·e\u0301\u0302"
    assert visible("##\u0301") == "##◌\u0301"


@pytest.fixture
def explorer():
    return token_explorer()


def shown_tokens(explorer):
    return re.findall(r'<span class="text" dir="auto">(.*?)</span>', explorer.page.value)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_every_tokenizer_shows_its_tokens_with_their_numbers(explorer, tokenizer):
    explorer.tokenizer.value = tokenizer
    cut = cut_by(tokenizer, SENTENCE, explorer.num_merges.value)
    assert shown_tokens(explorer) == [piece.shown for piece in cut.pieces]
    numbers = re.findall(r'<span class="number">(\d+)</span>', explorer.page.value)
    assert numbers == [str(piece.token_id) for piece in cut.pieces]
    assert cut.sentence in explorer.page.value
    assert explorer.num_merges.disabled == (tokenizer != BYTE_PAIRS)


def test_the_slider_changes_the_number_of_merges(explorer):
    explorer.num_merges.value = 0
    assert explorer.cut == cut_by(BYTE_PAIRS, SENTENCE, 0)
    explorer.num_merges.value = MERGES[-1]
    assert "·bank" in shown_tokens(explorer)


@pytest.mark.parametrize("tokenizer", [BYTES, BYTE_PAIRS, WORD_PIECE])
@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_typed_is_shown_as_text(explorer, tokenizer, text):
    explorer.tokenizer.value = tokenizer
    explorer.text.value = text
    page = explorer.page.value.partition("</style>")[2]
    assert set(re.findall(r"</?([a-z]+)", page)) <= {"div", "span"}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00]", page)


def test_a_text_that_cannot_be_cut_is_told_and_the_next_one_is_cut(explorer):
    explorer.tokenizer.value = CHARACTERS
    explorer.text.value = "café"
    assert explorer.cut is None
    assert "No tokens: character &#x27;é&#x27; (U+00E9)" in explorer.page.value
    explorer.text.value = "cafe"
    assert shown_tokens(explorer) == list("cafe")


def test_the_end_of_a_long_text_is_left_out_and_that_is_said(explorer):
    explorer.tokenizer.value = BYTES
    explorer.text.value = "b" * (LONGEST + 7)
    assert len(shown_tokens(explorer)) == LONGEST
    assert "The last 7 characters are left out." in explorer.page.value


def test_no_text_at_all_has_no_tokens(explorer):
    explorer.text.value = ""
    assert "0 tokens for 0 characters. Decoded" in explorer.page.value


def test_a_learners_function_cuts_the_text_and_may_fail_in_words():
    def merge(tokens, ranks):
        calls.append(b"".join(tokens))
        if b"q" in tokens:
            raise RuntimeError("<img src=x>")
        return merge_by_rank(tokens, ranks)

    calls = []
    explorer = token_explorer(merge)
    assert set(calls) == {word.encode() for word in PreTokenizer().split(SENTENCE)}
    explorer.text.value = "a queen"
    assert explorer.cut is None
    assert "No tokens: RuntimeError: &lt;img src=x&gt;." in explorer.page.value
    explorer.text.value = "the bank"
    assert shown_tokens(explorer)[0] == "the"


def test_a_text_that_is_typed_is_cut_once_after_a_pause(explorer):
    async def type_text():
        for length in range(1, 11):
            explorer.text.value = "river bank"[:length]
        assert explorer.cut.text == SENTENCE
        await asyncio.sleep(3 * TYPING_SECONDS)

    asyncio.run(type_text())
    assert explorer.cut.text == "river bank"


def test_a_reader_without_widgets_sees_the_same_on_all_machines(explorer):
    words = "Text in, tokens out: run this cell to try it; pictures of it stand below."
    assert explorer._repr_mimebundle_()["text/plain"] == words


@pytest.fixture
def tables(monkeypatch):
    shown = []
    monkeypatch.setattr(tokenization_live, "display", shown.append)
    return shown


def test_watched_merges_are_those_of_learning_and_the_table_follows(tables):
    text = "bank bank bank bank banks banks ban ran ran ran"
    merges = asyncio.run(watch_merges(text, 5, "the bank ran", seconds=0))
    (table,) = tables
    words = {word: PreTokenizer().split(text).count(word) for word in PreTokenizer().split(text)}
    assert merges == learn_merges(words, 5)
    assert table.counts[0] == 10
    assert f"<td>{256 + 4}</td>" in table.value
    assert "5 merges" in table.value
    assert repr(table).startswith("Merges appear here")


def test_watching_ends_early_when_no_pair_is_left(tables):
    assert asyncio.run(watch_merges("aaa", 9, "aaa", seconds=0)) == [(b"a", b"a"), (b"aa", b"a")]
    assert "2 merges, 1 tokens" in tables[0].value


def test_the_table_shows_the_newest_merges_as_text():
    table = MergeTable("a <b> c")
    for number in range(12):
        table.add((b"<", bytes([98 + number])), number)
    assert table.value.count("<tr>") == 1 + tokenization_live.LAST
    assert "&lt; | m" in table.value
    assert "<b>" not in table.value


def test_the_table_says_what_each_tokenizer_makes_of_a_text_and_gives_back():
    table = table_of_cuts({"an accent": "Café  <b>", "a word": "bank"}, 0)
    assert list(table.rows()) == [
        (
            "an accent",
            "Café··<b>",
            "10: C | a | f | ⟨C3⟩ | ⟨A9⟩ | · | · | < | b | >",
            "the same",
            "4: cafe | < | b | >",
            "cafe·<·b·>",
        ),
        ("a word", "bank", "4: b | a | n | k", "the same", "1: bank", "the same"),
    ]
    assert repr(table).splitlines()[-3:] == [
        "a word: bank",
        "    byte pairs 4: b | a | n | k → the same",
        "    WordPiece 1: bank → the same",
    ]
    page = table._repr_html_()
    assert page.count("<tr>") == 3
    assert set(re.findall(r"</?([a-z]+)", page)) == {"table", "tr", "th", "td"}
    assert "4: cafe | &lt; | b | &gt;" in page


def test_merges_just_learned_cut_a_line():
    pieces = cut_by_merges("a bank", [(b"a", b"n"), (b"b", b"an"), (b" ", b"ban")])
    assert [piece.shown for piece in pieces] == ["a", "·ban", "k"]
    assert [piece.token_id for piece in pieces] == [0, 1, 2]
