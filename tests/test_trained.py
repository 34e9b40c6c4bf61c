"""The models that come with the course: what is kept, what is refused, and what they are worth."""

import re
from pathlib import Path

import pytest
import torch
from small_runs import model_config, same_weights

from transformer_course import trained
from transformer_course.attention import scaled_dot_product_attention
from transformer_course.checkpoints import load_model, save_model
from transformer_course.data import shakespeare_text, split_plays
from transformer_course.experiments.first_look import unseen_loss
from transformer_course.generation import generate
from transformer_course.model import Transformer
from transformer_course.tokenization import BytePairTokenizer, CharacterTokenizer
from transformer_course.trained import load_trained, save_trained

CARD = Path(__file__).parents[1] / "data" / "README.md"
TEXT = "To be, or not to be"
CHARACTERS = CharacterTokenizer.train(TEXT)


@pytest.fixture
def model():
    config = model_config(vocab_size=CHARACTERS.vocab_size)
    return Transformer(config, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def folder(tmp_path, model):
    save_trained(tmp_path, "small", model, CHARACTERS, text=TEXT, steps=7)
    return tmp_path


def test_what_is_kept_comes_back_to_half_precision(folder, model):
    writer = load_trained("small", folder=folder)
    for kept, was in zip(writer.model.parameters(), model.parameters(), strict=True):
        assert kept.dtype == torch.float32
        assert torch.equal(kept, was.detach().half().float())
    assert writer.tokenizer.encode("to") == CHARACTERS.encode("to")
    assert (writer.characters, writer.steps) == (frozenset(TEXT), 7)
    assert not writer.model.training


def test_the_file_takes_two_bytes_a_number(folder, model):
    size = (folder / "small.safetensors").stat().st_size
    assert 2 * model.num_parameters() < size < 2 * model.num_parameters() + 8_000


def test_a_part_that_is_handed_over_runs(folder):
    calls = []

    def attention(*arguments, **options):
        calls.append(1)
        return scaled_dot_product_attention(*arguments, **options)

    writer = load_trained("small", parts={"attention": attention}, folder=folder)
    generate(writer.model, [writer.tokenizer.encode("To")], 3)
    assert len(calls) == 3 * writer.model.config.num_layers


def test_an_unknown_name_is_answered_with_the_nearest(folder):
    with pytest.raises(FileNotFoundError, match=r"'smal'; did you mean 'small'\? There are"):
        load_trained("smal", folder=folder)


def test_an_empty_folder_is_said_to_hold_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no trained model 'small'; .* holds none"):
        load_trained("small", folder=tmp_path)


def test_a_tokenizer_that_is_gone_is_named_with_what_to_do(folder):
    (folder / "small.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"small\.json is gone; get it back .*git checkout"):
        load_trained("small", folder=folder)


@pytest.mark.parametrize("name", ["small.safetensors", "small.json"])
def test_a_damaged_file_is_one_sentence_with_what_to_do(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"{re.escape(name)}[^\n]*; get it back") as refused:
        load_trained("small", folder=folder)
    assert "\n" not in str(refused.value)


def test_a_changed_number_is_noticed(folder):
    content = bytearray((folder / "small.safetensors").read_bytes())
    content[-40] ^= 1
    (folder / "small.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="its numbers are not those that were written; get it"):
        load_trained("small", folder=folder)


def test_a_tokenizer_of_another_model_is_refused(folder):
    CharacterTokenizer("ab").save(folder / "small.json")
    with pytest.raises(ValueError, match=r"has 2 tokens and small\.safetensors expects 9"):
        load_trained("small", folder=folder)


def test_a_model_alone_is_kept_whatever_its_training_was(tmp_path, model):
    save_model(tmp_path / "model", model, {"step": 3})
    assert same_weights(load_model(tmp_path / "model"), model.half().float())


@pytest.fixture(scope="module")
def shakespeare():
    return load_trained("shakespeare")


def test_the_courses_own_models_stay_small():
    sizes = {file.name: file.stat().st_size for file in trained.FOLDER.glob("*.safetensors")}
    assert sizes["shakespeare.safetensors"] < 2_000_000
    assert sum(sizes.values()) < 5_000_000


def test_the_model_of_shakespeare_knows_the_characters_of_all_its_plays(
    shakespeare, shakespeare_plays
):
    split = split_plays(shakespeare_plays)
    assert shakespeare.characters == set(shakespeare_text(split.train))
    assert isinstance(shakespeare.tokenizer, BytePairTokenizer)


def test_a_row_of_the_data_card_is_what_is_measured(shakespeare, shakespeare_plays):
    """The losses that the card tells of, one play measured anew; the digits are the card's."""
    split = split_plays(shakespeare_plays)
    rows = re.findall(
        r"^\| (validation|test) \| ([\w-]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|",
        CARD.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) == 14  # twelve plays, and the two parts as a whole
    row = next(row for row in rows if row[1] == "the-comedy-of-errors")
    text = shakespeare_text(play for play in split.validation if play.slug == row[1])
    found = unseen_loss(shakespeare, text, split)
    assert [found.model, found.five_gram, found.unigram] == pytest.approx(
        [float(number) for number in row[2:]], abs=6e-3
    )
