"""Lesson 01's claims C1 and C3: what is measured is what is said, and each claim can fail."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian

from transformer_course.engine import answers
from transformer_course.engine.answers import unfit_for_training
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.sources import build
from transformer_course.experiments import (
    recurrent,
    recurrent_gradients,
    recurrent_influence,
    recurrent_readers,
)
from transformer_course.experiments.fitting import count_parameters
from transformer_course.experiments.recurrent_influence import Influence, InfluenceMap
from transformer_course.experiments.recurrent_readers import Distances, Readers
from transformer_course.recurrent import written_out

PROBES = sorted((Path(__file__).parent / "solutions/recurrent.gradient_by_distance").glob("*.py"))
KINDS = pytest.mark.parametrize("kind", recurrent_readers.WIDTHS)


def seeded(number=0):
    return torch.Generator().manual_seed(number)


@KINDS
def test_a_bank_scores_as_each_of_its_models_by_itself(kind):
    bank = Readers(kind, 3, seeded())
    ids = recurrent_readers.sample_letters((3, 5), 6, seeded())
    together = bank(ids)
    for number in range(3):
        alone = Readers(kind, None, seeded())
        for name, parameter in alone.named_parameters():
            parameter.data = getattr(bank, name).data[number]
        torch.testing.assert_close(together[number], alone(ids[number]))


@KINDS
def test_the_last_place_alone_is_scored_as_among_all(kind):
    readers = Readers(kind, 3, seeded())
    ids = recurrent_readers.sample_letters((3, 5), 6, seeded())
    torch.testing.assert_close(readers.last(ids), readers(ids)[..., -1, :])


@KINDS
def test_a_bank_learns_as_each_of_its_models_by_itself(kind):
    bank = Readers(kind, 2, seeded())
    alone = Readers(kind, None, seeded())
    for name, parameter in alone.named_parameters():
        parameter.data = getattr(bank, name).data[1].clone()
    ids = recurrent_readers.sample_letters((2, 5), 4, seeded())
    for readers, letters in ((bank, ids), (alone, ids[1])):
        optimizer = torch.optim.SGD(readers.parameters(), lr=0.1)
        recurrent_readers.last_loss(readers, letters).sum().backward()
        recurrent_readers.clip_each(readers)
        optimizer.step()
    for name, parameter in alone.named_parameters():
        torch.testing.assert_close(getattr(bank, name)[1], parameter)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_a_recurrent_model_is_torchs_layer_between_a_table_and_a_head(kind):
    readers = Readers(kind, None, seeded())
    layer = getattr(nn, kind)(16, readers.width, batch_first=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(readers.input_weight.T)
        layer.weight_hh_l0.copy_(readers.hidden_weight.T)
        layer.bias_ih_l0.copy_(readers.bias[0])
        layer.bias_hh_l0.copy_(readers.hidden_bias[0] if kind == "GRU" else torch.zeros(()))
    ids = recurrent_readers.sample_letters((5,), 6, seeded())
    expected = layer(readers.letters[ids])[0] @ readers.head + readers.head_bias
    torch.testing.assert_close(readers(ids), expected)
    torch.testing.assert_close(
        written_out(layer, readers.letters[ids]) @ readers.head + readers.head_bias, expected
    )


def test_all_models_have_like_size():
    sizes = [count_parameters(Readers(kind, None, seeded())) for kind in recurrent_readers.WIDTHS]
    assert sizes == [2572, 2492, 2308, 2292]


def test_the_clipped_gradient_of_each_model_is_no_longer_than_the_limit():
    readers = Readers("RNN", 3, seeded())
    for number, parameter in enumerate(readers.parameters()):
        parameter.grad = torch.full_like(parameter, 0.001 * number)
        parameter.grad[2] *= 1000
    before = nn.utils.parameters_to_vector(p.grad[0] for p in readers.parameters())
    recurrent_readers.clip_each(readers)
    after = [
        nn.utils.parameters_to_vector(p.grad[number] for p in readers.parameters()).norm()
        for number in range(3)
    ]
    assert torch.equal(
        nn.utils.parameters_to_vector(p.grad[0] for p in readers.parameters()), before
    )
    assert after[2] == pytest.approx(1.0)


def test_set_to_remember_draws_a_time_for_each_cell_and_lets_in_as_little_as_it_forgets():
    readers = Readers("LSTM", 5, seeded(), recurrent_readers.chrono)
    let_in, keep = readers.bias[..., :16], readers.bias[..., 16:32]
    assert torch.equal(let_in, -keep)
    assert 1 <= keep.exp().min() < keep.exp().max() <= 199


def test_a_rotation_times_a_number_changes_lengths_by_that_number():
    readers = Readers("RNN", 3, seeded(), recurrent_readers.rotate_by(0.7))
    vectors = torch.randn(3, 5, 40)
    turned = vectors @ readers.hidden_weight
    torch.testing.assert_close(turned.norm(dim=-1), 0.7 * vectors.norm(dim=-1))


def test_a_sequence_is_one_first_letter_and_as_many_others_as_the_distance():
    ids = recurrent_readers.sample_letters((7, 2), 5, seeded())
    assert ids.shape == (7, 2, 6)
    assert ids[..., 0].max() < 4 <= ids[..., 1:].min()


def test_mixed_distances_reach_from_the_shortest_to_the_longest():
    generator = seeded()
    drawn = [Distances(shortest=2, longest=11).draw(generator) for _ in range(700)]
    assert set(drawn) == set(range(2, 12))
    assert Distances(shortest=5, longest=5).draw(generator) == 5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Readers("CNN", None, seeded()), "kind='CNN' is unknown; choose one of"),
        (lambda: Readers("RNN", None, seeded(), parts={"gate": abs}), "only an RNN takes parts"),
        (lambda: Readers("GRU", None, seeded(), parts={"step": abs}), "only an RNN takes parts"),
        (lambda: recurrent_readers.sample_letters((1,), 0, seeded()), "choose 1 or more"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_part_that_is_handed_in_is_the_one_that_is_called():
    calls = []

    def step(inputs, hidden, input_weight, hidden_weight, bias):
        calls.append(inputs.shape)
        return torch.tanh(inputs @ input_weight + hidden @ hidden_weight + bias)

    Readers("RNN", None, seeded(), parts={"step": step})(torch.zeros(3, 5, dtype=torch.long))
    assert calls == [(3, 16)] * 5


def test_teaching_ends_early_once_all_models_are_calm():
    readers = Readers("attention", 2, seeded())
    done = recurrent_readers.teach(readers, Distances(shortest=2, longest=2), seeded(), 200)
    assert 5 < done < 200
    assert min(recurrent_readers.recall(readers, 2)) > 0.95


def alone(**changes):
    accuracy = {
        "RNN": {5: [1.0, 0.9], 50: [0.25, 0.25]},
        "GRU": {5: [1.0, 1.0], 50: [0.25, 0.3]},
        "LSTM": {5: [1.0, 1.0], 50: [0.2, 0.3]},
        "attention": {5: [1.0, 1.0], 50: [1.0, 1.0]},
        recurrent.SET_TO_REMEMBER: {5: [1.0, 1.0], 50: [1.0, 0.98]},
    }
    sizes = dict.fromkeys(accuracy, 2_400)
    return recurrent.Recall(
        distances=(5, 50), accuracy={**accuracy, **changes}, num_parameters=sizes
    )


def test_the_cliff_as_it_was_measured_holds():
    assert recurrent.far_alone_is_not_learned(alone()).holds


@pytest.mark.parametrize(
    "contrary",
    [
        {"RNN": {5: [0.5, 0.5], 50: [0.25, 0.25]}},
        {"RNN": {5: [1.0, 1.0], 50: [1.0, 1.0]}},
        {"GRU": {5: [1.0, 1.0], 50: [0.9, 0.9]}},
        {"LSTM": {5: [1.0, 1.0], 50: [1.0, 1.0]}},
        {"attention": {5: [1.0, 1.0], 50: [0.3, 0.3]}},
        {recurrent.SET_TO_REMEMBER: {5: [1.0, 1.0], 50: [0.3, 0.3]}},
    ],
)
def test_a_contrary_recall_turns_the_cliff(contrary):
    finding = recurrent.far_alone_is_not_learned(alone(**contrary))
    assert not finding.holds
    assert "expected" in finding.statement


def test_unlike_sizes_turn_the_cliff():
    sizes = {**alone().num_parameters, "RNN": 24_000}
    assert not recurrent.far_alone_is_not_learned(replace(alone(), num_parameters=sizes)).holds


CONTROLS = ("without_near", "untrained")


def mixed(**changes):
    shares = {distance: [1.0, 0.95] for distance in recurrent.ASKED}
    at_chance = {distance: [0.25, 0.3] for distance in recurrent.ASKED}
    controls = {name: changes.pop(name, at_chance) for name in CONTROLS}
    accuracy = {**dict.fromkeys(recurrent.MIXED_KINDS, shares), **changes}
    return recurrent.MixedRecall(distances=recurrent.ASKED, accuracy=accuracy, **controls)


def test_the_repair_as_it_was_measured_holds():
    assert recurrent.mixed_distances_are_learned(mixed()).holds


@pytest.mark.parametrize("kind", [*recurrent.MIXED_KINDS, *CONTROLS])
@pytest.mark.parametrize("contrary", recurrent.ASKED)
def test_a_contrary_recall_turns_the_repair(kind, contrary):
    usual, other = (0.25, 0.9) if kind in CONTROLS else (1.0, 0.3)
    shares = {**{distance: [usual] for distance in recurrent.ASKED}, contrary: [other]}
    finding = recurrent.mixed_distances_are_learned(mixed(**{kind: shares}))
    assert not finding.holds
    assert f"{other:g} (expected" in finding.statement


@pytest.fixture(scope="module")
def gradients():
    return recurrent_gradients.starting_gradients()


def test_the_gradients_that_are_measured_fade_as_said(gradients):
    finding = recurrent_gradients.the_signal_fades(gradients)
    assert finding.holds, finding.statement


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("RNN", 1.0),
        ("GRU", 1.0),
        ("LSTM", 1.0),
        ("attention", 0.5),
        ("attention", 1.5),
        (recurrent.SET_TO_REMEMBER, 0.5),
        ("LSTM, keep bias 5", 0.5),
    ],
)
def test_a_contrary_factor_turns_the_claim(gradients, name, factor):
    changed = replace(gradients, factor={**gradients.factor, name: factor})
    assert not recurrent_gradients.the_signal_fades(changed).holds


def test_gradients_by_letter_are_those_of_each_model_on_its_own_sequences():
    readers = Readers("RNN", 2, seeded()).double()
    ids = recurrent_readers.sample_letters((2, 3), 4, seeded())
    found = recurrent_gradients.letter_gradients(readers, ids)
    inputs = readers.embed(ids).detach().requires_grad_()
    scores = readers.score(inputs)[..., -1, :].gather(-1, ids[..., :1])
    (gradient,) = torch.autograd.grad(scores.sum(), inputs)
    torch.testing.assert_close(found, gradient.norm(dim=-1).mean((0, 1)).flip(0))


@pytest.mark.parametrize("file", PROBES, ids=lambda file: file.stem)
def test_each_right_probe_measures_models_and_sentence_as_the_courses_own_does(file):
    """One that goes sequence by sequence passes its check too, and is used from then on."""
    exercise = exercises()["recurrent.gradient_by_distance"]
    probe = build(file.read_text(encoding="utf-8"), exercise.name, exercise.lent())
    assert unfit_for_training(exercise, probe) is None
    for measure in (
        lambda **given: recurrent_gradients.starting_gradients(distance=7, num_models=2, **given),
        lambda **given: recurrent_gradients.sentence_gradients(5, **given),
    ):
        found, own = measure(probe=probe), measure()
        by_name = (found, own) if isinstance(own, dict) else (found.by_distance, own.by_distance)
        torch.testing.assert_close(*by_name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lengths: lengths[:, None], "it stops"),
        (lambda lengths: lengths[:7], "it stops"),
        (lambda lengths: 2 * lengths, "its numbers are not the course's own there"),
    ],
)
def test_a_probe_that_goes_wrong_at_a_models_size_is_left_out_with_a_reason(change, words):
    exercise = exercises()["recurrent.gradient_by_distance"]

    def probe(score, inputs):
        lengths = exercise.reference(score, inputs)
        return change(lengths) if len(lengths) > 7 else lengths

    assert words in unfit_for_training(exercise, probe)


@pytest.mark.parametrize(
    ("times", "words"),
    [(60.0, None), (300.0, "it takes 300 times as long as the course's own")],
)
def test_a_probe_may_go_sequence_by_sequence_and_is_left_out_only_where_it_is_far_slower(
    monkeypatch, times, words
):
    exercise = exercises()["recurrent.gradient_by_distance"]
    monkeypatch.setattr(
        answers, "_cost", lambda _, function: 1.0 if function is exercise.reference else times
    )
    assert unfit_for_training(exercise, lambda *_: None) == words


def test_at_the_last_word_an_rnn_hears_its_neighbours_and_attention_all_alike():
    by_word = recurrent_gradients.sentence_gradients(13)
    shares = {name: [one / sum(row) for one in row] for name, row in by_word.items()}
    assert shares["RNN"][-1] > 0.3 > 0.01 > shares["RNN"][4]
    assert min(shares["attention"][:-1]) > 0.03


def test_recall_by_distance_trains_a_bank_for_each_distance():
    found = recurrent.recall_by_distance(
        distances=(1, 2), names=("RNN", "attention"), num_models=2, num_steps=3
    )
    assert {name: list(one) for name, one in found.accuracy.items()} == {
        "RNN": [1, 2],
        "attention": [1, 2],
    }
    assert all(len(shares) == 2 for one in found.accuracy.values() for shares in one.values())
    assert found.num_parameters == {"RNN": 2572, "attention": 2292}


def test_recall_after_mixed_asks_beyond_the_longest_distance(monkeypatch):
    monkeypatch.setattr(recurrent_readers, "NUM_QUESTIONS", 16)
    found = recurrent.recall_after_mixed(num_models=2, num_steps=3)
    assert max(found.distances) > recurrent.MIXED.longest
    assert set(found.readers) == set(found.accuracy) == set(recurrent.MIXED_KINDS)
    assert found.mean("RNN", 5) == pytest.approx(sum(found.accuracy["RNN"][5]) / 2)
    assert set(found.without_near) == set(found.untrained) == set(found.distances)


def test_the_control_of_the_repair_starts_as_it_does_and_meets_no_near_distance(monkeypatch):
    taught = []

    def note(readers, distances, generator, num_steps):
        taught.append((readers.kind, readers.hidden_weight.detach().clone(), distances))

    monkeypatch.setattr(recurrent, "teach", note)
    monkeypatch.setattr(recurrent, "MIXED_KINDS", ("RNN",))
    monkeypatch.setattr(recurrent_readers, "NUM_QUESTIONS", 16)
    recurrent.recall_after_mixed(num_models=2)
    (kind, start, whole), (same_kind, same_start, without_near) = taught
    assert kind == same_kind == "RNN"
    torch.testing.assert_close(start, same_start, rtol=0, atol=0)
    assert (whole.shortest, without_near.shortest) == (1, 20)
    assert whole.longest == without_near.longest == 100


def test_the_map_by_jacobian_is_that_of_automatic_differentiation():
    readers = Readers("RNN", None, seeded())
    ids = recurrent_readers.sample_letters((2,), 3, seeded())
    found = recurrent_influence.jacobian_norms(readers, ids)
    for row in range(2):
        whole = jacobian(lambda read: readers.score(read[None])[0], readers.embed(ids[row]))
        expected = whole.square().sum((1, 3)).sqrt()
        torch.testing.assert_close(found[row], expected)


def test_the_map_by_swap_is_the_mean_over_the_other_letters_of_its_kind():
    readers = Readers("attention", None, seeded())
    ids = torch.tensor([[2, 5, 7]])
    found = recurrent_influence.swap_effects(readers, ids)
    for place, others in ((0, (0, 1, 3)), (1, (4, 6, 7))):
        moved = torch.zeros(3)
        for other in others:
            changed = ids.clone()
            changed[0, place] = other
            moved += (readers(changed) - readers(ids))[0].norm(dim=-1) / 3
        torch.testing.assert_close(found[0, :, place], moved.detach())


def test_no_place_hears_of_what_comes_after_it():
    readers = Readers("attention", None, seeded())
    found = recurrent_influence.map_influence(readers)
    for shares in (found.jacobian, found.swap):
        assert not shares.triu(1).any()
        torch.testing.assert_close(shares.sum(-1), torch.ones(len(shares)))


def influence_map(first, near, accuracy, spread=0.1):
    rows = torch.zeros(2, 24)
    for row, (one, three) in enumerate(zip(first, near, strict=True)):
        rows[row] = (1 - one - three) / 20
        rows[row, 0], rows[row, -3:] = one, three / 3
    shares = rows[:, None].expand(2, 24, 24)
    return InfluenceMap(jacobian=shares[0], swap=shares[1], accuracy=accuracy, spread=spread)


GOOD_MAPS = {
    "RNN, untrained": influence_map((0, 0), (0.9, 0.9), 0.25, 9),
    "RNN, trained": influence_map((0, 0.9), (0.7, 0.05), 1.0),
    "RNN, taught 50 only": influence_map((0, 0), (0.8, 0.8), 0.25),
    "attention, untrained": influence_map((0.04, 0.04), (0.2, 0.2), 0.25),
    "attention, trained": influence_map((0.7, 0.9), (0.1, 0.05), 1.0),
}
C3 = (
    recurrent_influence.untrained_the_saying_holds,
    recurrent_influence.trained_both_know_the_first,
    recurrent_influence.the_jacobian_is_not_memory,
    recurrent_influence.its_state_has_snapped,
)


def test_good_maps_hold():
    for judge in C3:
        finding = judge(Influence(maps=GOOD_MAPS))
        assert finding.holds, finding.statement


@pytest.mark.parametrize(
    ("name", "contrary", "judge"),
    [
        ("RNN, untrained", influence_map((0, 0), (0.5, 0.9), 0.25), 0),
        ("attention, untrained", influence_map((0, 0), (0.2, 0.9), 0.25), 0),
        ("attention, trained", influence_map((0.1, 0.9), (0.1, 0.05), 1.0), 1),
        ("attention, trained", influence_map((0.7, 0.9), (0.1, 0.05), 0.5), 1),
        ("RNN, trained", influence_map((0, 0.2), (0.7, 0.7), 1.0), 1),
        ("RNN, trained", influence_map((0, 0.9), (0.7, 0.05), 0.5), 1),
        ("RNN, taught 50 only", influence_map((0, 0), (0.8, 0.1), 0.25), 1),
        ("RNN, taught 50 only", influence_map((0, 0.2), (0.7, 0.7), 0.25), 1),
        ("RNN, taught 50 only", influence_map((0, 0), (0.8, 0.8), 0.9), 1),
        ("RNN, trained", influence_map((0.8, 0.9), (0.1, 0.05), 1.0), 2),
        ("RNN, trained", influence_map((0, 0.9), (0.7, 0.05), 0.5), 2),
        ("RNN, untrained", influence_map((0, 0.5), (0.9, 0.4), 0.25), 2),
        ("RNN, trained", influence_map((0, 0.9), (0.7, 0.05), 1.0, 0.5), 3),
        ("RNN, untrained", influence_map((0, 0), (0.9, 0.9), 0.25, 0.5), 3),
    ],
)
def test_a_contrary_map_turns_its_claim(name, contrary, judge):
    assert not C3[judge](Influence(maps={**GOOD_MAPS, name: contrary})).holds


def test_the_spread_is_of_states_around_the_means_of_their_first_letters(monkeypatch):
    readers = Readers("RNN", None, seeded())
    ids = torch.tensor([[0, 4], [0, 5], [1, 4], [2, 5], [3, 6]])
    states = torch.tensor([[0.0, 1], [0, -1], [4, 0], [8, 0], [8, 4]])
    monkeypatch.setattr(recurrent_influence, "sample_letters", lambda *_: ids)
    monkeypatch.setattr(readers, "states", lambda _: states[:, None])
    assert recurrent_influence.spread_of_states(readers) == pytest.approx(2 / 5 / 4)


def test_influence_is_measured_of_five_models():
    found = recurrent_influence.measure_influence(num_steps=2)
    assert list(found.maps) == list(GOOD_MAPS)
    assert all(one.jacobian.shape == one.swap.shape == (24, 24) for one in found.maps.values())
