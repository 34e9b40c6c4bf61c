"""Positions: what each scheme promises about order and distance."""

import cmath
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from transformer_course.positional import (
    AlibiBias,
    LearnedEncoding,
    RotaryEmbedding,
    SinusoidalEncoding,
    distance_bias,
    pair_frequencies,
    rotate,
    sinusoidal_table,
    turn_pair,
)

LAYOUTS = pytest.mark.parametrize("layout", ["half", "interleaved"])


def turn(vectors, positions, layout="half", base=100.0):
    """Turn (length, d_head) vectors, each by its own position."""
    rotation = RotaryEmbedding(vectors.shape[-1], base, layout)(positions[None], vectors.dtype)
    return rotation.apply(vectors[None, None])[0, 0]


def test_each_sinusoid_is_the_papers():
    table = sinusoidal_table(11, 6)
    for position in range(11):
        for pair in range(3):
            angle = position / 10_000 ** (2 * pair / 6)
            assert table[position, 2 * pair].item() == pytest.approx(math.sin(angle), abs=1e-7)
            assert table[position, 2 * pair + 1].item() == pytest.approx(math.cos(angle), abs=1e-7)


@pytest.mark.parametrize(("d_model", "ratio"), [(48, 1.468), (512, 1.037)])
def test_wavelengths_grow_by_less_than_double_from_pair_to_pair(d_model, ratio):
    angles = sinusoidal_table(2, d_model)[1, ::2].asin()
    expected = torch.full((d_model // 2 - 1,), ratio, dtype=torch.float64)
    torch.testing.assert_close(angles[:-1] / angles[1:], expected, rtol=0, atol=5e-4)


def test_dot_products_of_sinusoids_depend_on_the_offset_only():
    table = sinusoidal_table(50, 12)
    products = table @ table.T
    for offset in range(50):
        assert products.diagonal(offset).std(unbiased=False) < 1e-12


def test_sines_alone_do_not_know_the_offset():
    sines = sinusoidal_table(50, 12)[:, ::2]
    assert (sines @ sines.T).diagonal(3).std() > 0.1


def test_the_norm_of_sinusoids_is_the_root_of_half_the_width():
    norms = sinusoidal_table(50, 12).norm(dim=-1)
    torch.testing.assert_close(norms, torch.full_like(norms, math.sqrt(6)))


def test_far_positions_lose_no_digits():
    # In float32 the angle 100,000 has an error of up to 0.004 before the sine is taken.
    assert sinusoidal_table(100_001, 2)[-1, 0].item() == pytest.approx(math.sin(100_000), abs=1e-6)


@pytest.mark.parametrize("call", [pair_frequencies, lambda width: sinusoidal_table(5, width)])
def test_an_odd_width_leaves_a_number_without_its_partner(call):
    with pytest.raises(ValueError, match=r"d_model=7 is odd.+choose an even number, such as 8"):
        call(7)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: pair_frequencies(0), "d_model=0"),
        (lambda: pair_frequencies(-2), "d_model=-2"),
        (lambda: pair_frequencies(4, base=0), "base=0"),
        (lambda: sinusoidal_table(0, 4), "length=0"),
        (lambda: sinusoidal_table(-3, 4), "length=-3"),
        (lambda: AlibiBias(0), "num_heads=0"),
    ],
)
def test_a_size_that_is_not_positive_is_named(unchecked, call, named):
    with pytest.raises(ValueError, match=rf"{named} must be above 0; choose a positive number"):
        call()


@pytest.mark.parametrize(("d_model", "base"), [(2, 10_000.0), (12, 10_000.0), (10, 7.0)])
def test_each_frequency_is_the_papers(d_model, base):
    expected = [1 / base ** (2 * pair / d_model) for pair in range(d_model // 2)]
    assert pair_frequencies(d_model, base).tolist() == pytest.approx(expected, rel=1e-12)


def test_the_base_sets_how_slow_the_last_pair_is():
    assert sinusoidal_table(2, 4, base=100.0)[1, 2].item() == pytest.approx(math.sin(0.1))


def test_a_step_turns_every_row_alike():
    # The paper's reason for sinusoids: row p + k is one and the same linear map of row p.
    table = sinusoidal_table(23, 6)
    step, *_ = np.linalg.lstsq(table[:6].numpy(), table[3:9].numpy(), rcond=None)
    np.testing.assert_allclose(table[:20].numpy() @ step, table[3:].numpy(), atol=1e-9)


@pytest.mark.parametrize("encoding", [SinusoidalEncoding, LearnedEncoding])
@pytest.mark.parametrize(("positions", "outside"), [([0, 11, 3], 11), ([2, -1, 3], -1)])
def test_a_position_without_a_row_is_refused(encoding, positions, outside):
    module = encoding(11, 6)
    words = rf"position {outside} is outside the table of 11; positions run from 0 to 10: shorten"
    with pytest.raises(ValueError, match=words):
        module(torch.randn(2, 3, 6), torch.tensor([positions]))


@pytest.mark.parametrize("encoding", [SinusoidalEncoding, LearnedEncoding])
def test_no_positions_are_none_too_many(encoding):
    empty = encoding(11, 6)(torch.randn(2, 0, 6), torch.zeros(1, 0, dtype=torch.long))
    assert empty.shape == (2, 0, 6)


def test_an_encoding_adds_the_table_that_is_handed_over_rounded_to_its_own_type():
    def stairs(length, d_model):
        return torch.arange(length, dtype=torch.float64)[:, None].expand(length, d_model) / 3

    module = SinusoidalEncoding(7, 4, stairs)
    added = module(torch.zeros(1, 2, 4), torch.tensor([[0, 6]]))
    assert added.dtype == torch.float32
    torch.testing.assert_close(added[0], torch.tensor([[0.0], [2.0]]).expand(2, 4))


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 300), st.floats(-2, 2))
@settings(max_examples=40)
def test_a_turned_pair_is_a_complex_product(first, second, position, frequency):
    pair = torch.tensor([first, second], dtype=torch.float64)
    turned = turn_pair(pair, torch.tensor(position), frequency)
    expected = complex(first, second) * cmath.exp(1j * position * frequency)
    assert complex(*turned.tolist()) == pytest.approx(expected, abs=1e-3)


def test_turning_pair_by_pair_is_what_rotary_embedding_does_at_once():
    vector, positions = torch.randn(10), torch.tensor([0, 1, 5, 11])
    at_once = turn(vector.expand(4, 10), positions)
    for pair, frequency in enumerate(pair_frequencies(10, 100.0).tolist()):
        one_by_one = turn_pair(vector[[pair, pair + 5]], positions, frequency)
        torch.testing.assert_close(one_by_one, at_once[:, [pair, pair + 5]])


def test_positions_of_a_pair_may_have_any_shape():
    pair, positions = torch.randn(2), torch.arange(15).view(3, 5)
    turned = turn_pair(pair, positions, 0.7)
    assert turned.shape == (3, 5, 2)
    torch.testing.assert_close(turned[2, 1], turn_pair(pair, torch.tensor(11), 0.7))


@pytest.mark.parametrize("encoding", [SinusoidalEncoding, LearnedEncoding])
def test_an_encoding_adds_the_row_of_each_position(encoding):
    module = encoding(11, 6)
    table = module.table if encoding is SinusoidalEncoding else module.weight
    positions = torch.tensor([[0, 1, 2, 3, 4], [0, 0, 0, 1, 10]])
    embeddings = torch.randn(2, 5, 6)
    torch.testing.assert_close(module(embeddings, positions), embeddings + table[positions])


def test_one_row_of_positions_serves_a_whole_batch():
    module = LearnedEncoding(11, 6)
    embeddings = torch.randn(3, 5, 6)
    positions = torch.arange(5)[None]
    expected = module(embeddings, positions.expand(3, 5))
    torch.testing.assert_close(module(embeddings, positions), expected)


def test_only_learned_positions_have_weights():
    assert [*SinusoidalEncoding(11, 6).state_dict()] == []
    assert [*RotaryEmbedding(6, 100.0).state_dict()] == []
    assert [*AlibiBias(3).state_dict()] == []
    assert {key: w.shape for key, w in LearnedEncoding(11, 6).state_dict().items()} == {
        "weight": (11, 6)
    }


@LAYOUTS
@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
@settings(max_examples=40)
def test_rotated_scores_depend_on_the_distance_only(layout, query_at, key_at, shift):
    query, key = torch.linspace(-1, 2, 20, dtype=torch.float64).sin().view(2, 1, 10)

    def score(query_position, key_position):
        turned = (
            turn(vector, torch.tensor([position]), layout)
            for vector, position in ((query, query_position), (key, key_position))
        )
        return torch.dot(*(vector[0] for vector in turned))

    here, there = score(query_at, key_at), score(query_at + shift, key_at + shift)
    torch.testing.assert_close(here, there, rtol=0, atol=1e-9)


@LAYOUTS
def test_rotated_scores_tell_before_from_after(layout):
    query, key = torch.randn(2, 7, 10, dtype=torch.float64)
    query, key = query[:1].expand(7, 10), key[:1].expand(7, 10)
    scores = turn(query, torch.arange(7), layout) @ turn(key, torch.arange(7), layout).T
    assert (scores - scores.T)[0, 1:].abs().min() > 1e-3


@LAYOUTS
def test_rotation_keeps_the_norm_of_every_pair(layout):
    vectors = torch.randn(7, 10, dtype=torch.float64)
    turned = turn(vectors, torch.arange(7), layout)
    pairs = (2, 5) if layout == "half" else (5, 2)
    axis = -2 if layout == "half" else -1
    norms = [v.unflatten(-1, pairs).norm(dim=axis) for v in (vectors, turned)]
    torch.testing.assert_close(*norms)
    assert (vectors - turned)[1:].abs().max() > 0.1


@LAYOUTS
def test_position_0_is_left_as_it_is(layout):
    vectors = torch.randn(1, 10)
    assert turn(vectors, torch.tensor([0]), layout).equal(vectors)


@LAYOUTS
def test_rotation_is_a_complex_product(layout):
    vectors = torch.randn(7, 10, dtype=torch.float64)
    positions = torch.tensor([0, 1, 2, 3, 50, 51, 1000])
    turned = turn(vectors, positions, layout)
    for row, position in enumerate(positions.tolist()):
        for k in range(5):
            first, second = (k, k + 5) if layout == "half" else (2 * k, 2 * k + 1)
            angle = position * 100.0 ** (-2 * k / 10)
            expected = complex(*vectors[row, [first, second]]) * cmath.exp(1j * angle)
            found = complex(*turned[row, [first, second]])
            assert found == pytest.approx(expected, abs=1e-10)


def test_each_pair_turns_by_its_own_angle():
    vectors = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    angles = torch.tensor([[0, math.pi], [math.pi / 2, 0]])
    # A half turn changes both signs; a quarter turn of (5, 7) is (−7, 5).
    expected = torch.tensor([[1.0, -2, 3, -4], [-7, 6, 5, 8]])
    torch.testing.assert_close(rotate(vectors, angles.cos(), angles.sin()), expected)


@LAYOUTS
def test_a_rotation_that_is_handed_over_is_the_one_that_turns(layout):
    def quarter_turn(vectors, cosine, sine):
        assert cosine.shape == sine.shape == (1, 1, 3, 2)
        first, second = vectors.chunk(2, dim=-1)
        return torch.cat((-second, first), dim=-1)

    rotation = RotaryEmbedding(4, 100.0, layout, quarter_turn)(torch.arange(3)[None], torch.float32)
    vectors = torch.tensor([1.0, 2, 3, 4]).expand(2, 5, 3, 4)
    expected = {"half": [-3.0, -4, 1, 2], "interleaved": [-2.0, 1, -4, 3]}[layout]
    assert rotation.apply(vectors).equal(torch.tensor(expected).expand(2, 5, 3, 4))


def test_the_half_layout_is_that_of_transformers():
    query, key = torch.randn(2, 2, 3, 7, 10, dtype=torch.float64)
    positions = torch.tensor([[0, 1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 2, 3, 4]])
    angles = positions[..., None] * 100.0 ** (-torch.arange(0, 10, 2).double() / 10)
    angles = torch.cat((angles, angles), dim=-1)
    expected = apply_rotary_pos_emb(query, key, angles.cos(), angles.sin())
    rotation = RotaryEmbedding(10, 100.0, "half")(positions, torch.float64)
    torch.testing.assert_close((rotation.apply(query), rotation.apply(key)), expected)


def test_the_layouts_are_the_same_up_to_the_order_of_elements():
    vectors, positions = torch.randn(7, 10), torch.arange(7)
    # Element k of the half layout stands at 2k, element k + 5 at 2k + 1.
    order = torch.tensor([0, 5, 1, 6, 2, 7, 3, 8, 4, 9])
    found = turn(vectors[:, order], positions, "interleaved")
    torch.testing.assert_close(found, turn(vectors, positions, "half")[:, order])
    wrong = turn(vectors, positions, "interleaved") - turn(vectors, positions, "half")
    assert wrong[1:].abs().max() > 0.1


def test_angles_are_exact_before_they_are_rounded():
    rotation = RotaryEmbedding(2, 100.0)(torch.tensor([[100_000]]), torch.float32)
    assert rotation.cosine.dtype == torch.float32
    assert rotation.sine.item() == pytest.approx(math.sin(100_000), abs=1e-6)


def test_an_odd_head_has_an_element_without_a_partner():
    with pytest.raises(ValueError, match=r"d_head=7 is odd.+choose an even d_head"):
        RotaryEmbedding(7, 100.0)


def test_an_unknown_layout_names_the_two_there_are():
    with pytest.raises(ValueError, match=r"layout='both' is unknown; choose 'half' or 'interl"):
        RotaryEmbedding(10, 100.0, "both")


@pytest.mark.parametrize(
    ("num_heads", "exponents"),
    [
        (1, [8]),
        (2, [4, 8]),
        (8, [1, 2, 3, 4, 5, 6, 7, 8]),
        # Not a power of two: the slopes for 8 heads, then every other one of those for 16.
        (12, [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]),
        (3, [4, 8, 2]),
    ],
)
def test_alibi_slopes_are_the_papers(num_heads, exponents):
    expected = torch.tensor([2.0**-exponent for exponent in exponents])
    torch.testing.assert_close(AlibiBias(num_heads).slopes, expected)


def test_alibi_lowers_scores_by_slope_times_distance():
    bias = AlibiBias(2)(torch.tensor([[3, 4, 5]]), torch.arange(6)[None])
    assert bias.shape == (1, 2, 3, 6)
    for head, slope in enumerate((1 / 16, 1 / 256)):
        for query in range(3):
            for key in range(6):
                assert bias[0, head, query, key].item() == -slope * abs(query + 3 - key)


def test_alibi_counts_each_sequence_from_its_own_start():
    positions = torch.tensor([[0, 1, 2, 3, 4], [0, 0, 0, 1, 2]])
    bias = AlibiBias(3)(positions, positions)
    assert bias.shape == (2, 3, 5, 5)
    torch.testing.assert_close(bias[1, :, 2:, 2:], bias[0, :, :3, :3])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=5), st.floats(0, 3))
@settings(max_examples=30)
def test_each_step_of_distance_costs_the_slope(queries, slope):
    keys = [0, 3, 20, 50]
    bias = distance_bias(torch.tensor(queries), torch.tensor(keys), slope)
    expected = [[-slope * abs(query - key) for key in keys] for query in queries]
    torch.testing.assert_close(bias, torch.tensor(expected), check_dtype=False)


def test_a_bias_that_is_handed_over_is_the_one_that_is_added():
    def flat(query_positions, key_positions, slopes):
        assert (query_positions.shape, key_positions.shape) == ((2, 1, 3), (1, 1, 5))
        return slopes.double().expand(3, 3, 5)[None].expand(2, 3, 3, 5)

    alibi = AlibiBias(3, flat)
    bias = alibi(torch.zeros(2, 3, dtype=torch.long), torch.arange(5)[None])
    assert bias.dtype == torch.float32
    torch.testing.assert_close(bias, alibi.slopes[:, None, None].expand(2, 3, 3, 5))
