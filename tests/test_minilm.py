"""The real all-MiniLM-L6-v2 in the course's own model, against published and earlier figures."""

import pytest
import torch
from torch.nn.functional import cosine_similarity
from transformers import BertConfig, BertModel

from transformer_course import downloads, pretrained
from transformer_course.attention import scaled_dot_product_attention

BANKS = "The bank of the river was crowded, but the financial bank was empty."
FIRST, SECOND = 2, 12  # places of the two "bank"s among the tokens


@pytest.fixture(scope="module")
def minilm():
    return pretrained.load_minilm()


@pytest.fixture(scope="module")
def reading(minilm):
    return minilm.read(BANKS)


def test_the_bank_sentence_is_cut_into_words_between_two_marks(reading):
    assert (reading.tokens[0], reading.tokens[-1], len(reading.tokens)) == ("[CLS]", "[SEP]", 17)
    assert (reading.tokens[FIRST], reading.tokens[SECOND]) == ("bank", "bank")


def test_the_two_banks_are_as_alike_layer_by_layer_as_was_measured(reading):
    cosines = [
        cosine_similarity(hidden[0, FIRST], hidden[0, SECOND], dim=0).item()
        for hidden in reading.output.hidden_states
    ]
    measured = [0.958, 0.909, 0.859, 0.863, 0.900, 0.920, 0.948]
    assert cosines == pytest.approx(measured, abs=6e-4)


@pytest.mark.parametrize(
    ("layer", "head", "query", "key", "weight"),
    [
        (0, 2, "second bank", "financial", 1.00),
        (0, 4, "first bank", "river", 0.65),
        (0, 4, "second bank", "river", 0.43),
        (0, 10, "first bank", "river", 0.43),
        (2, 9, "first bank", "second bank", 0.71),
        (0, 1, "empty", "crowded", 0.35),
        (2, 4, "empty", "crowded", 0.27),
    ],
)
def test_heads_look_where_they_were_seen_to_look(reading, layer, head, query, key, weight):
    places = {"first bank": FIRST, "second bank": SECOND}

    def place(word):
        return places[word] if word in places else reading.tokens.index(word)

    found = reading.output.attention_weights[layer][0, head, place(query), place(key)]
    assert found.item() == pytest.approx(weight, abs=6e-3)


def test_vectors_are_those_of_the_library_with_the_same_file(minilm, reading):
    weights = pretrained.safetensors.torch.load(
        downloads.read_cached("minilm")["model.safetensors"]
    )
    library = BertModel(
        BertConfig(
            hidden_size=384,
            num_hidden_layers=6,
            num_attention_heads=12,
            intermediate_size=1536,
            layer_norm_eps=1e-12,
        )
    ).eval()
    library.load_state_dict(weights, strict=False)
    ids = torch.tensor([minilm.tokenizer.encode(BANKS).ids])
    with torch.no_grad():
        wanted = library(ids).last_hidden_state
    torch.testing.assert_close(reading.output.hidden, wanted)


def test_a_short_and_a_long_text_are_neither_padded_nor_cut(minilm):
    assert [len(minilm.tokenizer.encode(text).ids) for text in ("bank", "bank " * 300)] == [3, 302]


def test_a_text_longer_than_the_context_is_refused(minilm):
    with pytest.raises(ValueError, match=r"602.*512"):
        minilm.read("bank " * 600)


def test_a_part_that_is_handed_over_runs_in_every_layer():
    calls = []

    def attention(*arguments, **options):
        calls.append(1)
        return scaled_dot_product_attention(*arguments, **options)

    pretrained.load_minilm(parts={"attention": attention}).read("bank")
    assert len(calls) == 6


def test_files_that_were_not_fetched_are_one_sentence_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFORMER_COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"run once: python course\.py fetch minilm$"):
        pretrained.load_minilm()
