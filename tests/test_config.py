"""The configuration checks itself, and survives being written down."""

import dataclasses
import json
import math

import pytest

from transformer_course.config import CHOICES, TransformerConfig

SIZES = {
    "vocab_size": 19,
    "context_length": 11,
    "d_model": 30,
    "num_layers": 2,
    "num_heads": 3,
    "d_feed_forward": 23,
}


def config(**changes):
    return TransformerConfig(**{**SIZES, **changes})


def test_the_width_of_a_head_follows():
    assert config().d_head == 10


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError, match="d_model"):
        config().d_model = 32


@pytest.mark.usefixtures("unchecked")
def test_a_config_takes_no_positional_arguments():
    with pytest.raises(TypeError, match="positional"):
        TransformerConfig(19, 11, 30, 2, 3, 23)


def test_a_config_survives_json():
    original = config(position="rotary", dropout=0.1, head="classification", num_classes=5)
    read = TransformerConfig.from_dict(json.loads(json.dumps(original.to_dict())))
    assert read == original


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_modle": 30}, r"TransformerConfig was written by another.+unknown \['d_modle'\]"),
        ({"num_heads": None}, r"missing \['num_heads'\], unknown \[\]; train again, or use"),
    ],
)
def test_a_config_of_another_version_is_refused(changes, message):
    values = {name: v for name, v in config().to_dict().items() if changes.get(name, 0) is not None}
    unknown = {name: value for name, value in changes.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        TransformerConfig.from_dict(values | unknown)


@pytest.mark.parametrize("field", [*SIZES, "queries_per_key", "rotary_base", "norm_epsilon"])
@pytest.mark.parametrize("value", [0, -3])
def test_a_size_that_is_not_positive_is_refused(field, value):
    with pytest.raises(ValueError, match=rf"{field}={value} must be above 0"):
        config(**{field: value})


@pytest.mark.parametrize("field", ["rotary_base", "norm_epsilon"])
def test_a_number_that_is_none_is_refused(field):
    with pytest.raises(ValueError, match=rf"{field}=nan must be above 0"):
        config(**{field: math.nan})


@pytest.mark.parametrize("field", ["num_token_types", "pair_embedding_rows"])
def test_a_table_of_negative_size_is_refused(field):
    with pytest.raises(ValueError, match=rf"{field}=-1 must be 0 or more"):
        config(**{field: -1})


@pytest.mark.parametrize("dropout", [-0.1, 1.0, math.nan])
def test_a_dropout_out_of_range_is_refused(dropout):
    with pytest.raises(ValueError, match=rf"dropout={dropout} is outside \[0, 1\); choose 0"):
        config(dropout=dropout)


@pytest.mark.parametrize("field", CHOICES)
def test_an_unknown_name_lists_those_there_are(field):
    first = CHOICES[field][0]
    with pytest.raises(ValueError, match=rf"{field}='best' is unknown; choose one of \['{first}'"):
        config(**{field: "best"})


def test_a_width_that_the_heads_do_not_divide_is_refused():
    with pytest.raises(
        ValueError, match=r"d_model=65 is not divisible by num_heads=4; choose 64 or 68"
    ):
        config(d_model=65, num_heads=4)


def test_groups_that_do_not_divide_the_heads_are_refused():
    with pytest.raises(ValueError, match=r"num_heads=3 is not divisible by queries_per_key=2"):
        config(queries_per_key=2)


@pytest.mark.parametrize("position", ["rotary", "rotary_interleaved"])
def test_rotary_positions_need_an_even_head(position):
    with pytest.raises(
        ValueError, match=r"d_model=21 over num_heads=3 makes d_head=7.+choose an even d_head"
    ):
        config(d_model=21, position=position)
    assert config(d_model=21, position="alibi").d_head == 7


@pytest.mark.parametrize(
    ("head", "num_classes"),
    [("classification", 0), ("classification", -2), ("language_model", 5), ("none", 5)],
)
def test_classes_come_with_their_head_only(head, num_classes):
    with pytest.raises(
        ValueError, match=rf"num_classes={num_classes} does not fit head='{head}'; give the number"
    ):
        config(head=head, num_classes=num_classes)
