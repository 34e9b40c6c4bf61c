"""The tokenizers against a naive trainer, the `tokenizers` library, and arbitrary Unicode."""

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive_bpe import WORD, cut_at_special_tokens, join, naive_encode, naive_merges
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from transformer_course import tokenization
from transformer_course.byte_pair_merges import (
    PairTable,
    learn_merges,
    learn_merges_plainly,
    merge_by_rank,
)
from transformer_course.data import shakespeare_text
from transformer_course.pre_tokenization import PreTokenizer
from transformer_course.tokenization import (
    BytePairTokenizer,
    CharacterTokenizer,
    load_tokenizer,
)

BYTES = {byte: bytes([byte]) for byte in range(256)}
# Each is the beginning of the next, and one stands inside another.
SPECIAL_TOKENS = ("<|", "<|a|>", "<|a|> b", "|a")
CONTRACTIONS = " I'm we've  you're he'll she'd it's don't 'tis O'er\n\n 42nd--\t!"
# Everything that the cuts between words, special tokens and chunks turn on.
TRICKY = st.text(st.sampled_from("'lsre tabc19 \t\n\r\x00<|>é한😀\u0301"), max_size=29)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=41)


@pytest.fixture(scope="session")
def whole_text(shakespeare_plays) -> str:
    return shakespeare_text(shakespeare_plays)


@pytest.fixture(scope="session")
def trained(whole_text) -> BytePairTokenizer:
    return BytePairTokenizer.train(whole_text[:300_000], 700, SPECIAL_TOKENS)


def byte_characters() -> dict[int, str]:
    """The library writes bytes as characters: printable Latin-1 as itself, others from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + place) for place, byte in enumerate(others)
    }


def in_library_writing(token: bytes) -> str:
    return "".join(map(byte_characters().__getitem__, token))


def library_merges(text: str, num_merges: int) -> list[tuple[bytes, bytes]]:
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.train_from_iterator(
        [text],
        trainers.BpeTrainer(
            vocab_size=256 + num_merges,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    byte_of = {character: byte for byte, character in byte_characters().items()}
    return [
        tuple(bytes(map(byte_of.__getitem__, token)) for token in pair)
        for pair in json.loads(library.to_str())["model"]["merges"]
    ]


def pair_counts_after(merges, text: str, rivals) -> Counter:
    """Count the rivals anew after these merges, in the words that could hold one of them."""
    counts = Counter()
    for written, times in Counter(WORD.findall(text)).items():
        if any(left + right in written.encode() for left, right in rivals):
            word = [bytes([byte]) for byte in written.encode()]
            for merge in merges:
                word = join(word, merge)
            for pair in pairwise(word):
                counts[pair] += times
    return counts


@pytest.fixture(scope="session")
def without_special_tokens(whole_text) -> tuple[BytePairTokenizer, Tokenizer]:
    """Ours, and the library's encoder with the same vocabulary and merges."""
    ours = BytePairTokenizer.train(whole_text[:300_000], 1024)
    library = Tokenizer(
        models.BPE(
            vocab={in_library_writing(token): i for i, token in ours.vocab.items()},
            merges=[tuple(map(in_library_writing, pair)) for pair in ours.merges],
        )
    )
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return ours, library


def cut_anywhere(text: str, data: st.DataObject) -> list[str]:
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=7), label="places to cut")
    return [text[start:end] for start, end in pairwise([0, *sorted(places), len(text)])]


@given(st.text(min_size=1))
def test_characters_come_back_unchanged(text):
    tokenizer = CharacterTokenizer.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_character_ids_follow_the_order_of_code_points():
    tokenizer = CharacterTokenizer.train("to be,\n😀é")
    assert tokenizer.characters == "\n ,beoté😀"
    assert tokenizer.encode("\n😀") == [0, tokenizer.vocab_size - 1]


def test_an_unknown_character_is_named_with_its_code_point():
    with pytest.raises(ValueError, match=r"'é' \(U\+00E9\) is not among the 3 .* train on a text"):
        CharacterTokenizer.train("abc").encode("abé")


@pytest.mark.parametrize("outside", [-1, 3])
def test_a_character_id_outside_the_vocabulary_is_refused(outside):
    with pytest.raises(ValueError, match=rf"id {outside} is outside .* from 0 to 2"):
        CharacterTokenizer("abc").decode([0, outside])


def test_characters_cannot_be_learned_from_an_empty_text():
    with pytest.raises(ValueError, match="training text is empty; give"):
        CharacterTokenizer.train("")


@pytest.mark.parametrize(
    ("characters", "message"), [("", "is empty; give"), ("aba", "'a' stands 2 times; give")]
)
def test_an_impossible_character_vocabulary_is_refused(characters, message):
    with pytest.raises(ValueError, match=message):
        CharacterTokenizer(characters)


def test_characters_survive_a_file(tmp_path):
    tokenizer = CharacterTokenizer.train("\x00 é😀\n\ud83d\ude00")
    tokenizer.save(tmp_path / "characters.json")
    assert CharacterTokenizer.load(tmp_path / "characters.json").characters == tokenizer.characters


def test_words_are_cut_as_gpt2_cuts_them():
    assert "|".join(PreTokenizer().split(CONTRACTIONS)) == (
        " I|'m| we|'ve| | you|'re| he|'ll| she|'d| it|'s| don|'t| '|tis| O|'|er|\n\n| 42|nd|--|\t|!"
    )


@settings(max_examples=300)
@given(st.one_of(TRICKY, ANY_TEXT))
def test_words_are_those_of_the_published_pattern(text):
    assert PreTokenizer().split(text) == WORD.findall(text)


@settings(max_examples=500)
@given(st.lists(st.one_of(TRICKY, st.sampled_from(SPECIAL_TOKENS))).map("".join), st.data())
def test_chunks_give_the_words_of_the_joined_text(text, data):
    pre_tokenizer = PreTokenizer(data.draw(st.sampled_from([SPECIAL_TOKENS, ()])))
    for chunks in (cut_anywhere(text, data), text):
        words = [word for words in pre_tokenizer.split_stream(chunks) for word in words]
        assert words == pre_tokenizer.split(text)


@given(st.text(st.sampled_from("aab b'l"), min_size=1, max_size=61), st.integers(0, 23))
def test_merges_equal_the_naive_trainers_where_ties_are_common(text, num_merges):
    tokenizer = BytePairTokenizer.train(text, 256 + num_merges)
    assert tokenizer.merges == naive_merges(text, num_merges)


@given(st.lists(st.one_of(TRICKY, ANY_TEXT, st.sampled_from(SPECIAL_TOKENS)), min_size=1))
def test_merges_equal_the_naive_trainers_on_any_text(pieces):
    text = "".join([*pieces, " to be"])
    tokenizer = BytePairTokenizer.train(text, 273, SPECIAL_TOKENS)
    assert tokenizer.merges == naive_merges(text, 273 - 256 - 4, SPECIAL_TOKENS)


def test_merges_equal_the_naive_trainers_on_shakespeare(whole_text):
    text = whole_text[170_000:181_000]
    assert BytePairTokenizer.train(text, 256 + 151).merges == naive_merges(text, 151)


@given(
    st.dictionaries(st.text(st.sampled_from("abcé"), max_size=9), st.integers(1, 5), max_size=9),
    st.integers(0, 23),
)
def test_the_plain_way_and_the_fast_way_learn_the_same(word_counts, num_merges):
    plainly = learn_merges_plainly(word_counts, num_merges)
    assert plainly == learn_merges(word_counts, num_merges)


def test_both_ways_learn_the_same_from_a_page_of_shakespeare(whole_text):
    words = Counter(PreTokenizer().split(whole_text[170_000:174_000]))
    assert learn_merges_plainly(words, 83) == learn_merges(words, 83)


def test_the_table_knows_how_often_a_pair_stands_before_and_after_a_merge():
    table = PairTable({"bank": 4, "banks": 2, "ran": 3})
    assert (table.count((b"a", b"n")), table.count((b"b", b"an"))) == (9, 0)
    table.merge((b"a", b"n"))
    assert (table.count((b"a", b"n")), table.count((b"b", b"an"))) == (0, 6)


def test_a_learners_own_learning_and_merging_are_what_the_tokenizer_runs_on():
    calls = []

    def learn(word_counts, num_merges):
        calls.append("learn")
        return [list(pair) for pair in learn_merges_plainly(word_counts, num_merges)]

    def merge(tokens, ranks):
        calls.append("merge")
        return merge_by_rank(tokens, ranks)

    text = "to be or not to be"
    own = BytePairTokenizer.train(text, 263, learn=learn, merge=merge)
    assert own.encode(text) == BytePairTokenizer.train(text, 263).encode(text)
    # Each of the five different words is merged once, and remembered.
    assert Counter(calls) == {"learn": 1, "merge": 5}


def test_merges_equal_the_librarys_up_to_the_first_tie_on_all_of_shakespeare(whole_text):
    ours = BytePairTokenizer.train(whole_text, 256 + 300).merges
    library = library_merges(whole_text, 300)
    first = next(place for place in range(300) if ours[place] != library[place])
    counts = pair_counts_after(ours[:first], whole_text, rivals=(ours[first], library[first]))
    assert first > 100
    assert counts[ours[first]] == counts[library[first]]
    assert ours[first] > library[first]


def test_of_equally_frequent_pairs_the_greater_is_joined_first():
    assert BytePairTokenizer.train("ab cd", 257).merges == [(b"c", b"d")]


def test_of_two_tokens_with_one_beginning_the_longer_is_the_greater():
    # Once ab is joined, ab | x and a | x are equally frequent.
    merges = BytePairTokenizer.train("abx abx ax ax ab\nab\n", 258).merges
    assert merges == naive_merges("abx abx ax ax ab\nab\n", 2)


def test_ids_are_bytes_then_merges_then_special_tokens():
    tokenizer = BytePairTokenizer.train("abab abab", 260, ("<|end|>", "<|pad|>"))
    assert tokenizer.vocab == BYTES | {
        256: b"ab", 257: b"abab", 258: b"<|end|>", 259: b"<|pad|>"
    }  # fmt: skip
    assert tokenizer.merges == [(b"a", b"b"), (b"ab", b"ab")]
    assert tokenizer.vocab_size == 260


def test_a_special_token_of_one_byte_keeps_that_bytes_id():
    tokenizer = BytePairTokenizer.train("ab|ab", 257, ("|",))
    assert tokenizer.encode("ab|") == [256, ord("|")]


def test_training_ends_early_when_no_pair_is_left():
    tokenizer = BytePairTokenizer.train("aaa", 999)
    assert tokenizer.merges == [(b"a", b"a"), (b"aa", b"a")]
    assert tokenizer.vocab_size == 258


def test_special_tokens_are_cut_out_before_anything_is_counted():
    text = "a<|end|>b<|end|>" * 11 + "xy"
    assert BytePairTokenizer.train(text, 300, ("<|end|>",)).merges == [(b"x", b"y")]


@given(st.lists(TRICKY, min_size=1), st.integers(1, 13))
def test_a_file_is_read_in_pieces_and_gives_the_merges_of_its_text(tmp_path_factory, pieces, size):
    text = "".join([*pieces, "to be"])
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenization, "_CHARACTERS_PER_READ", size)
        from_file = BytePairTokenizer.train(path, 269, SPECIAL_TOKENS)
    assert from_file.merges == BytePairTokenizer.train(text, 269, SPECIAL_TOKENS).merges


def test_a_string_is_a_text_even_if_a_file_has_that_name(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("xy xy", encoding="utf-8")
    assert BytePairTokenizer.train(str(path), 999).merges != [(b"x", b"y"), (b" ", b"xy")]
    assert BytePairTokenizer.train(path, 999).merges == [(b"x", b"y"), (b" ", b"xy")]


@pytest.mark.parametrize("text", ["", "<|<|"])
def test_merges_cannot_be_learned_from_an_empty_text(text, tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text(text, encoding="utf-8")
    for empty in (text, path):
        with pytest.raises(ValueError, match=r"training text is empty .* give"):
            BytePairTokenizer.train(empty, 300, ("<|",))


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt is not UTF-8 .*convert"):
        BytePairTokenizer.train(path, 300)


def test_a_vocabulary_too_small_for_bytes_and_special_tokens_is_refused():
    with pytest.raises(ValueError, match=r"vocab_size=257 has no room .* choose 258 or more"):
        BytePairTokenizer.train("text", 257, ("<|a|>", "<|b|>"))


@pytest.mark.parametrize(
    ("special_tokens", "message"),
    [
        (("<|", "<|"), "given 2 times; give each one once"),
        (("",), "none that is empty"),
        ("<|end|>", r"is one string; give a tuple of strings: \('<\|end\|>',\)"),
    ],
)
def test_impossible_special_tokens_are_refused(special_tokens, message):
    with pytest.raises(ValueError, match=message):
        BytePairTokenizer(BYTES, [], special_tokens)


@pytest.mark.parametrize(
    ("vocab", "merges", "message"),
    [
        ({0: b"a", 2: b"b"}, [], "2 tokens but no id 1; number them from 0 to 1"),
        ({0: b"a", 1: b"a"}, [], "ids 0 and 1 are both b'a'; keep one"),
        (BYTES, [(b"a", b"b")], "merge 0 makes b'ab', which is not in the vocabulary; add"),
        (
            BYTES | {256: b"abc", 257: b"ab"},
            [(b"ab", b"c"), (b"a", b"b")],
            "merge 0 joins b'ab', .* in the order of learning",
        ),
        ({0: b"a"}, [(b"a", b"b")], "merge 0 joins b'b', which is neither a single byte"),
        (BYTES | {256: b"ab"}, [(b"a", b"b")] * 2, "merge 1 makes b'ab' a second time; keep"),
    ],
)
def test_a_vocabulary_and_merges_that_do_not_fit_are_refused(vocab, merges, message):
    with pytest.raises(ValueError, match=message):
        BytePairTokenizer(vocab, merges)


def test_special_tokens_keep_the_id_they_have_and_follow_the_vocabulary_otherwise():
    vocab = {0: b"<|pad|>", 1: b"b", 2: b"a", 3: b"ba"}
    tokenizer = BytePairTokenizer(vocab, [(b"b", b"a")], ("<|end|>", "<|pad|>"))
    assert tokenizer.encode("<|pad|>baa<|end|>") == [0, 3, 2, 4]


def test_a_later_change_of_the_callers_vocabulary_does_not_reach_the_tokenizer():
    vocab, merges = BYTES | {256: b"ab"}, [(b"a", b"b")]
    tokenizer = BytePairTokenizer(vocab, merges)
    vocab.clear()
    merges.clear()
    assert (tokenizer.vocab_size, tokenizer.merges) == (257, [(b"a", b"b")])


def test_a_tokenizer_shows_its_size():
    assert repr(BytePairTokenizer(BYTES, [])) == "BytePairTokenizer(vocab_size=256, merges=0)"
    assert repr(CharacterTokenizer("abc")) == "CharacterTokenizer(vocab_size=3)"


def test_merges_apply_by_rank_and_not_by_longest_match():
    vocab = BYTES | {256: b"bc", 257: b"ab", 258: b"bcd"}
    tokenizer = BytePairTokenizer(vocab, [(b"b", b"c"), (b"a", b"b"), (b"bc", b"d")])
    assert tokenizer.encode("abcd") == [ord("a"), 258]


@given(st.lists(st.one_of(TRICKY, ANY_TEXT, st.sampled_from(SPECIAL_TOKENS))))
def test_ids_equal_the_naive_encoders(trained, pieces):
    text = "".join(pieces)
    tokens = [trained.vocab[token_id] for token_id in trained.encode(text)]
    assert tokens == naive_encode(text, trained.merges, SPECIAL_TOKENS)


def test_ids_equal_the_librarys_on_shakespeare(without_special_tokens, whole_text):
    ours, library = without_special_tokens
    text = whole_text[2_000_000:2_500_000]
    assert ours.encode(text) == library.encode(text).ids


@given(st.lists(st.one_of(TRICKY, st.sampled_from(["\u3000", "\u2028", "١", "ß", "\u00a0"]))))
def test_ids_equal_the_librarys_on_other_scripts_and_spaces(without_special_tokens, pieces):
    ours, library = without_special_tokens
    text = "".join(pieces)
    assert ours.encode(text) == library.encode(text).ids


@given(st.lists(st.one_of(TRICKY, ANY_TEXT, st.sampled_from(SPECIAL_TOKENS))).map("".join))
@example("   leading spaces, trailing spaces   ")
@example("👩‍👩‍👧 e\u0301 \u202eright to left\x00\r\n\n\t<|a|> b")
def test_any_text_comes_back_unchanged(trained, text):
    assert trained.decode(trained.encode(text)) == text


def test_an_empty_text_has_no_ids(trained):
    assert trained.encode("") == []
    assert trained.decode([]) == ""


@given(st.lists(st.one_of(TRICKY, st.sampled_from(SPECIAL_TOKENS))).map("".join))
def test_special_tokens_are_never_split_nor_merged_across(trained, text):
    special_ids = {trained.encode(token)[0] for token in SPECIAL_TOKENS}
    assert len(special_ids) == len(SPECIAL_TOKENS)
    expected = [
        token.encode() for token, special in cut_at_special_tokens(text, SPECIAL_TOKENS) if special
    ]
    found = [trained.vocab[i] for i in trained.encode(text) if i in special_ids]
    assert found == expected


def test_of_special_tokens_at_one_place_the_longest_is_taken():
    tokenizer = BytePairTokenizer(BYTES, [], ("<a>", "<a><b>", "<a"))
    assert tokenizer.encode("<a><b><a><a") == [257, 256, 258]


def test_a_cut_at_any_place_gives_the_words_of_the_joined_text():
    text = CONTRACTIONS + " <|a|> b<|a|><|a|>   b"
    for pre_tokenizer in (PreTokenizer(), PreTokenizer(SPECIAL_TOKENS)):
        whole = pre_tokenizer.split(text)
        for place in range(len(text)):
            chunks = text[:place], text[place:]
            assert [w for words in pre_tokenizer.split_stream(chunks) for w in words] == whole


@given(
    st.lists(st.one_of(TRICKY, ANY_TEXT, st.sampled_from(SPECIAL_TOKENS))).map("".join), st.data()
)
def test_chunks_give_the_ids_of_the_joined_text(trained, text, data):
    chunks = cut_anywhere(text, data)
    assert list(trained.encode_iterable(chunks)) == trained.encode(text)


def test_a_stream_is_encoded_while_it_arrives(trained):
    arrived = []

    def chunks() -> Iterator[str]:
        for word in ["To be, or not ", "to be, that is ", "the question"]:
            arrived.append(word)
            yield word

    next(trained.encode_iterable(chunks()))
    assert arrived == ["To be, or not "]


@pytest.mark.parametrize("unit", ["{} ", "{},", "漢{}"])
def test_the_memory_of_a_stream_does_not_grow_with_it(unit, monkeypatch):
    monkeypatch.setattr(tokenization, "_MAX_REMEMBERED_WORDS", 101)
    tokenizer = BytePairTokenizer(BYTES, [])
    peaks = []
    for length in (500, 5_000):
        tracemalloc.start()
        for _ in tokenizer.encode_iterable(unit.format(number) for number in range(length)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 5_000


@given(st.data())
def test_any_ids_decode_to_text(trained, data):
    ids = data.draw(st.lists(st.integers(0, trained.vocab_size - 1)))
    in_bytes = b"".join(trained.vocab[token_id] for token_id in ids)
    assert trained.decode(ids) == in_bytes.decode(errors="replace")


def test_half_a_character_decodes_to_the_replacement_character():
    tokenizer = BytePairTokenizer(BYTES, [])
    assert tokenizer.decode(tokenizer.encode("é")[:1]) == "\ufffd"


@pytest.mark.parametrize("outside", [-1, 256])
def test_an_id_outside_the_vocabulary_is_refused(outside):
    with pytest.raises(ValueError, match=rf"id {outside} is outside .* from 0 to 255"):
        BytePairTokenizer(BYTES, []).decode([outside])


def test_a_byte_outside_the_vocabulary_is_named():
    tokenizer = BytePairTokenizer({0: b"a", 1: b"b", 2: b"ab"}, [(b"a", b"b")])
    assert tokenizer.encode("aba") == [2, 0]
    with pytest.raises(ValueError, match=r"b'c', a byte of 'abc', is not .* all 256 bytes"):
        tokenizer.encode("abc")


def test_half_a_surrogate_pair_is_named():
    for use in (BytePairTokenizer(BYTES, []).encode, lambda t: BytePairTokenizer.train(t, 256)):
        with pytest.raises(ValueError, match=r"'\\ud800' \(U\+D800\), half of .* remove it"):
            use("a\ud800")


def test_a_saved_tokenizer_is_the_same_after_loading(trained, tmp_path, whole_text):
    path = tmp_path / "tokenizer.json"
    trained.save(path)
    loaded = BytePairTokenizer.load(path)
    assert (loaded.vocab, loaded.merges) == (trained.vocab, trained.merges)
    text = whole_text[1_000_000:1_010_000] + "<|a|> b"
    assert loaded.encode(text) == trained.encode(text)


def test_a_vocabulary_in_another_order_survives_a_file(tmp_path):
    vocab = {0: b"<|pad|>", 1: b"b", 2: b"ba", 3: b"a", 4: b"\xff", 5: b"unused"}
    tokenizer = BytePairTokenizer(vocab, [(b"b", b"a")], ("<|pad|>", "ba"))
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = BytePairTokenizer.load(tmp_path / "tokenizer.json")
    assert (loaded.vocab, loaded.merges) == (vocab, tokenizer.merges)
    assert loaded.special_tokens == tokenizer.special_tokens


def test_the_bytes_of_a_merged_token_stand_in_no_file(tmp_path):
    path = tmp_path / "tokenizer.json"
    BytePairTokenizer.train("xyz xyz", 259).save(path)
    assert "xy" not in path.read_text(encoding="utf-8")


@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(tmp_path_factory, share):
    path = tmp_path_factory.mktemp("file") / "tokenizer.json"
    BytePairTokenizer.train("abab", 258, ("<|end|>",)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"tokenizer\.json is damaged.*BytePairTokenizer\.save"):
        BytePairTokenizer.load(path)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("version", 2, "it says BytePairTokenizer, version 2"),
        ("kind", "CharacterTokenizer", "it says CharacterTokenizer, version 1"),
        ("tokens", ["a"], "AttributeError"),
        ("tokens", {"0": "a"}, "KeyError"),
        ("tokens", {"0": "한"}, "UnicodeEncodeError"),
        ("merges", [[97, 98]], "not enough values"),
        ("merges", [[97, 98, -1]], "no id 256"),
        ("special_tokens", [999], "KeyError: 999"),
        ("special_tokens", 5, "TypeError"),
    ],
)
def test_a_file_with_a_wrong_entry_is_refused(tmp_path, field, value, reason):
    path = tmp_path / "tokenizer.json"
    BytePairTokenizer.train("abab", 257).save(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {field: value}), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"is damaged, or no BytePairTokenizer .*{reason}"):
        BytePairTokenizer.load(path)


@pytest.mark.parametrize("content", ["[]", "7", "\xff", "[" * 100_000])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "characters.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"characters\.json is damaged, or no CharacterTokenizer"):
        CharacterTokenizer.load(path)


@pytest.mark.parametrize(
    "tokenizer", [CharacterTokenizer("abc"), BytePairTokenizer(BYTES, [])], ids=repr
)
def test_a_tokenizer_is_loaded_as_the_kind_that_its_file_says(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    assert repr(loaded) == repr(tokenizer)
    assert loaded.encode("cab") == tokenizer.encode("cab")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        BytePairTokenizer.load(tmp_path / "nowhere.json")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    CharacterTokenizer("abc").save(path)

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        CharacterTokenizer("xyz").save(path)
    assert CharacterTokenizer.load(path).characters == "abc"
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]
