"""Lesson 02's claim C4: what is measured is what is said, and each claim can fail."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from naive_bpe import WORD, naive_encode, naive_merges, pair_counts

from transformer_course.byte_pair_merges import merge_pair
from transformer_course.data import shakespeare_text
from transformer_course.experiments import tokenization as experiment
from transformer_course.experiments import tokenization_corpus as corpus
from transformer_course.experiments import tokenization_costs as costs
from transformer_course.experiments import tokenization_ranks as ranks
from transformer_course.experiments.tokenization_library import library_encoder, library_merges


@pytest.fixture(scope="module")
def numbers():
    return {
        "trips": experiment.round_trips(num_texts=200),
        "sizes": experiment.characters_per_token(),
        "merges": experiment.merges_compared(num_merges=150),
        "ranks": ranks.rank_against_length(),
        "words": costs.unseen_words(),
        "languages": costs.language_costs(),
    }


CLAIMS = {
    "trips": experiment.any_text_comes_back,
    "sizes": experiment.merges_shorten_text,
    "merges": experiment.merges_are_the_librarys,
    "ranks": ranks.rank_is_not_length,
    "words": costs.a_list_of_words_never_ends,
    "languages": costs.other_languages_pay,
}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_is_measured_holds(numbers, name):
    finding = CLAIMS[name](numbers[name])
    assert finding.holds, finding.statement


@pytest.mark.parametrize(
    ("name", "contrary"),
    [
        ("trips", {"random_texts": {"bpe": 199, "words": 0, "word_piece": 0}}),
        ("trips", {"random_texts": {"bpe": 200, "words": 30, "word_piece": 0}}),
        ("trips", {"random_texts": {"bpe": 200, "words": 0, "word_piece": 30}}),
        ("trips", {"lines": {"bpe": 199, "words": 100, "word_piece": 5}}),
        ("trips", {"lines": {"bpe": 200, "words": 199, "word_piece": 5}}),
        ("trips", {"lines": {"bpe": 200, "words": 100, "word_piece": 199}}),
        ("sizes", {"byte_pairs": [1, 1.9, 2.4, 2.7, 3.0, 2.9]}),
        ("sizes", {"byte_pairs": [1, 1.5, 2.0, 2.5, 3.0, 3.6]}),
        ("sizes", {"byte_pairs": [1.2, 1.9, 2.4, 2.7, 3.0, 3.2]}),
        ("sizes", {"byte_pairs": [1, 1.4, 1.7, 1.9, 2.0, 2.05]}),
        ("sizes", {"words": 3.1}),
        ("sizes", {"num_words": 9_000}),
        ("sizes", {"unknown": 0.001}),
        ("merges", {"agreed": 3}),
        ("merges", {"counts": (7, 8)}),
        ("merges", {"agreed_uncounted": 100}),
        ("ranks", {"running": 0.0}),
        ("ranks", {"kinds": 0.0}),
        ("ranks", {"unlike_library": 1}),
        ("words", {"unknown": {"One": (0.0, 0.02), "Two": (0.1, 0.02)}}),
        ("words", {"unknown": {"One": (0.1, 0.0), "Two": (0.1, 0.02)}}),
        ("words", {"different": [0, 20_000, 20_010]}),
        ("words", {"unknown_characters": 1}),
    ],
)
def test_a_contrary_number_turns_its_claim(numbers, name, contrary):
    assert not CLAIMS[name](replace(numbers[name], **contrary)).holds


@pytest.mark.parametrize(
    ("tokenizer", "language", "count"), [("bpe", "German", 60), ("bytes", "Hindi", 5_000)]
)
def test_contrary_counts_turn_the_claim_on_languages(numbers, tokenizer, language, count):
    found = numbers["languages"]
    tokens = {**found.tokens, tokenizer: {**found.tokens[tokenizer], language: count}}
    assert not costs.other_languages_pay(replace(found, tokens=tokens)).holds


def test_a_tokenizer_that_is_cheap_for_all_turns_the_claim_on_languages(numbers):
    found = numbers["languages"]
    tokens = {**found.tokens, "bpe": found.tokens["bytes"]}
    assert not costs.other_languages_pay(replace(found, tokens=tokens)).holds
    kept = dict.fromkeys(found.kept, found.num_sentences)
    assert not costs.other_languages_pay(replace(found, kept=kept)).holds


def test_the_plays_that_were_learned_from_do_not_hold_the_unseen_one():
    trained = {play.slug for play in corpus.split().train}
    assert len(trained) == 26
    assert corpus.UNSEEN not in trained
    assert "VINCENTIO" in corpus.unseen_play()


@pytest.mark.parametrize("vocab_size", [255, corpus.LARGEST + 1])
def test_a_vocabulary_that_was_not_learned_is_refused(vocab_size):
    with pytest.raises(ValueError, match=rf"vocab_size={vocab_size} was not .* 256 to 8192"):
        corpus.byte_pair_tokenizer(vocab_size)


def test_a_smaller_vocabulary_is_the_beginning_of_a_larger_one():
    small, large = (corpus.byte_pair_tokenizer(size) for size in (300, 1_000))
    assert large.merges[:44] == small.merges
    assert {token_id: large.vocab[token_id] for token_id in small.vocab} == small.vocab


def test_random_texts_reach_all_of_unicode_and_have_bytes():
    rng = np.random.default_rng(3)
    texts = [experiment.random_text(rng) for _ in range(500)]
    signs = {sign for text in texts for sign in text}
    assert max(map(len, texts)) <= 40
    assert any(ord(sign) < 128 for sign in signs)
    assert any(ord(sign) > 0xFFFF for sign in signs)
    assert "".join(texts).encode().decode() == "".join(texts)


def test_characters_a_token_are_those_of_the_naive_encoder(numbers):
    play = corpus.unseen_play()
    naive = naive_encode(play[:3_000], corpus.training_merges()[:256])
    assert len(corpus.byte_pair_tokenizer(512).encode(play[:3_000])) == len(naive)
    assert numbers["sizes"].words == len(play) / len(WORD.findall(play))
    assert numbers["sizes"].num_words == len(
        set(WORD.findall(shakespeare_text(corpus.split().train)))
    )


def test_the_librarys_merges_are_those_of_the_naive_trainer_where_no_pairs_tie():
    text = "bank bank bank bank banks banks ban ran ran ran"
    assert library_merges(text, 1) == naive_merges(text, 1)


def test_counts_after_merges_are_those_of_the_naive_counter():
    text = corpus.unseen_play()[:2_000]
    merges = naive_merges(text, 11)
    words = [[bytes([byte]) for byte in word.encode()] for word in WORD.findall(text)]
    for pair in merges:
        words = [merge_pair(word, pair) for word in words]
    assert experiment._counts_after(merges, Counter(WORD.findall(text))) == pair_counts(words)


def test_merges_that_all_agree_leave_no_pair_to_count():
    few = experiment.merges_compared(num_merges=20)
    assert (few.agreed, few.counts) == (20, (0, 0))


def test_the_longest_match_is_greedy_from_the_left():
    known = {*(bytes([byte]) for byte in b"abcd"), b"ab", b"bc", b"bcd"}
    assert ranks.longest_match(b"abcd", known) == [b"ab", b"c", b"d"]
    assert ranks.longest_match(b"", known) == []


def test_examples_are_words_of_the_play_cut_in_two_ways(numbers):
    play = corpus.unseen_play()
    for by_rank, by_length in numbers["ranks"].examples:
        assert by_rank != by_length
        assert b"".join(by_rank) == b"".join(by_length)
        assert b"".join(by_rank).decode() in play
    assert naive_encode(" believe", corpus.training_merges()[:768]) in [
        by_rank for by_rank, _ in numbers["ranks"].examples
    ]


def test_the_librarys_encoder_has_our_vocabulary():
    ours = corpus.byte_pair_tokenizer(1_024)
    text = "né\n\n “bank” 1623 \x00"
    assert library_encoder(ours).encode(text).ids == ours.encode(text)


def test_unknown_words_are_those_of_a_play_that_no_training_play_speaks(numbers):
    def spoken(play):
        return re.findall(r"[a-z]+(?:'[a-z]+)*", "\n".join(s.text for s in play.speeches).lower())

    known = {word for play in corpus.split().train for word in spoken(play)}
    (play,) = (play for play in corpus.split().test if play.slug == "othello")
    words = spoken(play)
    kinds, running = numbers["words"].unknown["Othello"]
    assert kinds == len(set(words) - known) / len(set(words))
    assert running == sum(word not in known for word in words) / len(words)
    assert numbers["words"].different[-1] == len(known)
    assert not set(numbers["words"].examples) & known


def test_every_language_has_the_sentences_and_costs_its_bytes(numbers):
    languages = corpus.parallel_sentences()
    assert len(languages) == 12
    for name, language in languages.items():
        assert len(language.sentences) == 5
        bytes_of = sum(len(sentence.encode()) for sentence in language.sentences)
        assert numbers["languages"].tokens["bytes"][name] == bytes_of
    assert numbers["languages"].times_english("bpe")["English"] == 1


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"script": "Latin", "sentences": ["Guten Tag."]}, "German has 1 sentences; give one"),
        ({"script": "Latin", "sentences": ["Ho\u0308r!", "Da!"]}, "German is not in normal form C"),
    ],
)
def test_a_table_of_sentences_that_cannot_be_compared_is_refused(
    entry, message, tmp_path, monkeypatch
):
    import json

    path = tmp_path / "sentences.json"
    english = {"script": "Latin", "sentences": ["Good day.", "There!"]}
    path.write_text(json.dumps({"English": english, "German": entry}), encoding="utf-8")
    monkeypatch.setattr(corpus, "SENTENCES", path)
    with pytest.raises(ValueError, match=message):
        corpus.parallel_sentences.__wrapped__()


def test_word_piece_forgets_capitals_accents_and_spaces():
    assert experiment.word_piece_round_trip("  Café\nBANK ") == "cafe bank"
