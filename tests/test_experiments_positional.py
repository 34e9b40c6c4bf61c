"""Lesson 04's claim C7: what is measured is what is said, and each claim can fail."""

import json
import re
import statistics
from dataclasses import replace

import numpy as np
import pytest
import torch

from transformer_course.attention import scaled_dot_product_attention
from transformer_course.experiments import (
    positional,
    positional_links,
    positional_mask,
    positional_order,
    positional_seeds,
)
from transformer_course.experiments.multi_head_scores import attention_layers
from transformer_course.experiments.positional import Recovered, recover, ridge
from transformer_course.experiments.positional_links import LinksChanged, Scaling, link_factors
from transformer_course.experiments.positional_mask import PlacesRead, read_places
from transformer_course.experiments.positional_order import (
    LENGTHS,
    NAMED,
    QUARTERS,
    QUESTION,
    SCHEMES,
    WORDS,
    build_reader,
    read_sentence,
    sample_sentences,
    share_right,
    trained_reader,
    with_twins,
)

GOOD_PERMUTED = positional.Permuted(attention=0, encoder=0, with_positions=0.5, causal=2.3)
GOOD_PROBED = positional.SumsProbed(
    minilm=Recovered(word=1.0, place=1.0),
    shuffled=Recovered(word=0.0, place=0.02),
    by_width={4: Recovered(word=0.1, place=0.1), 256: Recovered(word=1.0, place=0.9)},
)
GOOD_ORDER = positional_order.OrderByScheme(
    right={
        "none": (0.5, 0.5, 0.5),
        "sinusoidal": (1.0, 0.7, 0.5),
        "learned": (1.0, 0.6, 0.5),
        "RoPE": (1.0, 0.8, 0.4),
        "ALiBi": (1.0, 0.98, 0.9),
    },
    by_quarter={
        "none": (0.5, 0.5, 0.5, 0.5),
        "sinusoidal": (0.6, 0.5, 0.5, 0.5),
        "learned": (0.9, 0.5, 0.5, 0.5),
        "RoPE": (0.3, 0.3, 0.5, 1.0),
        "ALiBi": (0.5, 0.6, 1.0, 1.0),
    },
)
GOOD_LINKS = LinksChanged(untouched=1.0, later_to_earlier=0.6, another=1.0, exchanged=1.0)
GOOD_CAUSAL = positional_mask.CausalOrder(
    two_layers=(1.0, 1.0, 1.0),
    one_layer=0.5,
    unmasked=0.5,
    causal_places=PlacesRead(explained=0.5, means=torch.arange(15.0)),
    bidirectional_places=PlacesRead(explained=0.0, means=torch.full((15,), 7.0)),
    links=GOOD_LINKS,
)
CLAIMS = {
    positional.without_positions_a_bag_of_words: GOOD_PERMUTED,
    positional.a_sum_keeps_both: GOOD_PROBED,
    positional_order.positions_let_a_model_tell_order: GOOD_ORDER,
    positional_order.length_is_not_free: GOOD_ORDER,
    positional_order.each_holds_where_it_was_trained: GOOD_ORDER,
    positional_mask.a_causal_mask_gives_order_away: GOOD_CAUSAL,
    positional_mask.the_later_word_has_seen_the_earlier: GOOD_CAUSAL,
}


@pytest.mark.parametrize(("claim", "numbers"), CLAIMS.items())
def test_good_numbers_hold(claim, numbers):
    assert claim(numbers).holds


@pytest.mark.parametrize(
    ("claim", "contrary"),
    [
        (positional.without_positions_a_bag_of_words, {"attention": 1e-3}),
        (positional.without_positions_a_bag_of_words, {"encoder": 1e-3}),
        (positional.without_positions_a_bag_of_words, {"with_positions": 0.0}),
        (positional.without_positions_a_bag_of_words, {"causal": 0.0}),
        (positional.a_sum_keeps_both, {"minilm": Recovered(word=0.5, place=1.0)}),
        (positional.a_sum_keeps_both, {"minilm": Recovered(word=1.0, place=0.5)}),
        (positional.a_sum_keeps_both, {"shuffled": Recovered(word=0.9, place=0.02)}),
        (positional.a_sum_keeps_both, {"shuffled": Recovered(word=0.0, place=0.9)}),
        (positional_mask.a_causal_mask_gives_order_away, {"two_layers": (0.5, 1.0, 1.0)}),
        (positional_mask.a_causal_mask_gives_order_away, {"one_layer": 0.9}),
        (positional_mask.a_causal_mask_gives_order_away, {"unmasked": 0.9}),
        (
            positional_mask.a_causal_mask_gives_order_away,
            {"causal_places": PlacesRead(explained=0.0, means=torch.zeros(15))},
        ),
        (
            positional_mask.a_causal_mask_gives_order_away,
            {"bidirectional_places": PlacesRead(explained=0.5, means=torch.zeros(15))},
        ),
    ],
)
def test_a_contrary_number_turns_its_claim(claim, contrary):
    finding = claim(replace(CLAIMS[claim], **contrary))
    assert not finding.holds
    assert "expected" in finding.statement


@pytest.mark.parametrize(
    ("width", "recovered"),
    [
        (4, Recovered(word=0.9, place=0.1)),
        (4, Recovered(word=0.1, place=0.9)),
        (256, Recovered(word=0.5, place=0.9)),
        (256, Recovered(word=1.0, place=0.5)),
    ],
)
def test_widths_that_make_no_difference_turn_the_claim_on_sums(width, recovered):
    by_width = {**GOOD_PROBED.by_width, width: recovered}
    assert not positional.a_sum_keeps_both(replace(GOOD_PROBED, by_width=by_width)).holds


@pytest.mark.parametrize(
    ("claim", "scheme", "shares"),
    [
        *(
            (positional_order.positions_let_a_model_tell_order, scheme, (0.7, 0.5, 0.5))
            for scheme in positional_order.TOLD
        ),
        (positional_order.positions_let_a_model_tell_order, "none", (0.9, 0.5, 0.5)),
        (positional_order.positions_let_a_model_tell_order, "none", (0.5, 0.5, 0.9)),
        (positional_order.length_is_not_free, "ALiBi", (0.7, 0.98, 0.9)),
        (positional_order.length_is_not_free, "ALiBi", (1.0, 0.7, 0.9)),
        (positional_order.length_is_not_free, "ALiBi", (1.0, 0.98, 0.5)),
        *(
            (positional_order.length_is_not_free, scheme, shares)
            for scheme in positional_order.FADING
            for shares in ((1.0, 0.95, 0.5), (1.0, 0.7, 0.9))
        ),
    ],
)
def test_a_contrary_share_turns_its_claim(claim, scheme, shares):
    changed = replace(GOOD_ORDER, right={**GOOD_ORDER.right, scheme: shares})
    assert not claim(changed).holds


@pytest.mark.parametrize(
    ("scheme", "shares"),
    [
        ("learned", (0.6, 0.5, 0.5, 0.5)),
        ("learned", (0.9, 0.5, 0.9, 0.5)),
        ("RoPE", (0.3, 0.3, 0.5, 0.6)),
        ("ALiBi", (0.9, 0.9, 1.0, 1.0)),
        ("ALiBi", (0.5, 0.6, 1.0, 0.6)),
        ("ALiBi", (0.5, 0.6, 0.6, 1.0)),
        ("none", (0.5, 0.5, 0.5, 0.6)),
    ],
)
def test_a_contrary_quarter_turns_the_claim_on_where_it_holds(scheme, shares):
    changed = replace(GOOD_ORDER, by_quarter={**GOOD_ORDER.by_quarter, scheme: shares})
    finding = positional_order.each_holds_where_it_was_trained(changed)
    assert not finding.holds
    assert "expected" in finding.statement + finding.control


@pytest.mark.parametrize(
    ("field", "share"),
    [("untouched", 0.5), ("later_to_earlier", 1.0), ("another", 0.6), ("exchanged", 0.5)],
)
def test_a_contrary_share_turns_the_claim_on_the_link(field, share):
    links = replace(GOOD_LINKS, **{field: share})
    finding = positional_mask.the_later_word_has_seen_the_earlier(replace(GOOD_CAUSAL, links=links))
    assert not finding.holds
    assert "expected" in finding.statement + finding.control


@pytest.mark.parametrize("among", QUARTERS)
def test_river_and_money_stand_where_they_are_asked_to_stand(among):
    ids, answers = sample_sentences(50, torch.Generator().manual_seed(0), 64, among)
    places = (ids < len(NAMED)).nonzero()[:, 1]
    assert len(places) == 2 * len(ids)
    assert set(places.tolist()) <= set(among)
    river, money = ((ids == WORDS.index(word)).long().argmax(1) for word in NAMED)
    assert answers.tolist() == (river > money).long().tolist()


def test_the_quarters_cover_every_place_before_the_question_once():
    assert [place for among in QUARTERS for place in among] == list(range(LENGTHS[-1] - 1))


def test_shuffled_words_are_measured_as_is_said():
    finding = positional.without_positions_a_bag_of_words(positional.permuted_input())
    assert finding.holds, finding.statement


@pytest.mark.usefixtures("unchecked")
def test_sums_are_probed_as_is_said():
    probed = positional.sums_probed(num_words=2_000, widths=(4, 256))
    finding = positional.a_sum_keeps_both(probed)
    assert finding.holds, finding.statement


def test_a_sum_that_has_lost_its_word_gives_only_the_place():
    generator = torch.Generator().manual_seed(0)
    places = torch.randn(11, 16, dtype=torch.float64)
    none = torch.zeros(400, 16, dtype=torch.float64)
    found = recover(none, places, generator)
    assert found.place == 1.0
    assert found.word < 0.05


def test_a_ridge_is_the_least_squares_of_numpy():
    inputs, targets = (torch.randn(50, width, dtype=torch.float64) for width in (7, 3))
    expected, *_ = np.linalg.lstsq(inputs.numpy(), targets.numpy(), rcond=None)
    np.testing.assert_allclose(ridge(inputs, targets).numpy(), expected, atol=1e-5)


def test_a_sentence_names_each_of_the_two_once_and_ends_in_the_question():
    ids, answers = sample_sentences(300, torch.Generator().manual_seed(0), 7)
    for row, answer in zip(ids.tolist(), answers.tolist(), strict=True):
        words = [WORDS[number] for number in row]
        assert (words.count("river"), words.count("money"), words.count(QUESTION)) == (1, 1, 1)
        assert words[-1] == QUESTION
        first = next(word for word in words if word in NAMED)
        assert NAMED[answer] == first
    assert 0.4 < answers.double().mean() < 0.6


def test_a_twin_is_the_same_bag_with_the_other_answer():
    sentences = sample_sentences(50, torch.Generator().manual_seed(0), 11)
    ids, answers = with_twins(sentences)
    one, twin = ids.split(50)
    assert one.equal(sentences.inputs)
    assert one.sort(dim=1).values.equal(twin.sort(dim=1).values)
    assert (one != twin).sum(1).tolist() == [2] * 50
    assert (answers[:50] + answers[50:]).tolist() == [1] * 50


def test_a_question_is_written_out_with_its_answer_and_its_twin():
    one, twin = read_sentence(seed=0, length=5)
    words, answer = one.split(" → ")
    assert len(words.split()) == 5
    swapped = words.replace("river", "X").replace("money", "river").replace("X", "money")
    assert twin == f"{swapped} → {'money' if answer == 'river' else 'river'}"


def test_an_unknown_scheme_names_those_there_are():
    with pytest.raises(ValueError, match=r"scheme='rope' is unknown; choose one of \['none', 'sin"):
        build_reader("rope")


@pytest.mark.parametrize("causal_layers", [None, 1])
def test_who_sees_a_bag_is_right_on_exactly_one_half(causal_layers):
    generator = torch.Generator().manual_seed(3)
    choices = {"causal": True, "num_layers": 1} if causal_layers else {}
    model = build_reader("none", generator, **choices).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    assert share_right(model, 16, seed=0, num_questions=100) == 0.5


@pytest.mark.usefixtures("unchecked")
def test_shares_are_those_of_a_count_by_hand():
    model = trained_reader("learned", 0, num_steps=3)
    generator = torch.Generator().manual_seed(1_005)
    ids, answers = with_twins(sample_sentences(30, generator, 16))
    with torch.inference_mode():
        right = [
            int(model(row[None]).logits.argmax()) == answer
            for row, answer in zip(ids, answers, strict=True)
        ]
    assert share_right(model, 16, seed=5, num_questions=60) == sum(right) / 60


def test_every_scheme_is_trained_and_asked_at_every_length():
    order = positional_order.order_by_scheme(num_steps=2, num_questions=20)
    assert list(order.right) == list(SCHEMES)
    assert all(len(shares) == len(LENGTHS) for shares in order.right.values())
    assert list(order.by_quarter) == list(SCHEMES)
    assert all(len(shares) == len(QUARTERS) for shares in order.by_quarter.values())


def test_parts_that_are_handed_over_are_the_ones_that_are_used():
    calls = []

    def table(length, d_model):
        calls.append("table")
        return torch.zeros(length, d_model)

    def bias(query_positions, key_positions, slope):
        calls.append("bias")
        return slope * torch.zeros(1, 1, query_positions.shape[-1], key_positions.shape[-1])

    parts = {"sinusoidal_table": table, "distance_bias": bias}
    order = positional_order.order_by_scheme(num_steps=2, num_questions=20, parts=parts)
    assert calls[0] == "table"
    assert set(calls[1:]) == {"bias"}
    # With nothing added and nothing charged, both see a bag.
    assert order.right["sinusoidal"][0] == order.right["ALiBi"][0] == 0.5


def test_order_from_the_mask_is_measured_in_all_its_models():
    order = positional_mask.order_from_the_mask(num_steps=2, num_questions=20)
    assert (order.one_layer, order.unmasked) == (0.5, 0.5)
    assert order.causal_places.means.shape == (LENGTHS[0] - 1,)


def test_one_link_of_the_later_word_is_cut_and_shares_are_exchanged():
    river, money, other = 0, 1, 5
    ids = torch.tensor([[other, money, other, river, other], [river, money, other, other, other]])
    factors = link_factors(ids, torch.Generator().manual_seed(0))
    assert factors["untouched"].eq(1).all()
    assert (factors["later_to_earlier"] == 0).nonzero().tolist() == [[0, 0, 3, 1], [1, 0, 1, 0]]
    exchanged = torch.ones(2, 1, 5, 5)
    exchanged[0, 0, 3], exchanged[0, 0, 1] = 4 / 2, 2 / 4
    exchanged[1, 0, 1], exchanged[1, 0, 0] = 2 / 1, 1 / 2
    torch.testing.assert_close(factors["exchanged"], exchanged)


def test_the_other_link_is_one_of_the_later_words_and_never_that_to_the_earlier():
    ids, _ = sample_sentences(300, torch.Generator().manual_seed(0), 7)
    another = link_factors(ids, torch.Generator().manual_seed(1))["another"]
    named = (ids < len(NAMED)).nonzero()[:, 1].view(-1, 2).tolist()
    cut = (another[:, 0] == 0).nonzero().tolist()
    assert [sentence for sentence, _, _ in cut] == list(range(300))
    seen = set()
    for (_, query, key), (earlier, later) in zip(cut, named, strict=True):
        assert query == later
        assert key in set(range(later + 1)) - {earlier}
        seen.add(key)
    assert seen == set(range(6))


def test_a_cut_takes_its_share_away_and_leaves_the_others():
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, 5, 7, generator=generator).unbind()
    factors = torch.ones(2, 1, 5, 5)
    factors[1, 0, 4, 2] = 0
    _, whole = scaled_dot_product_attention(query, key, value)
    output, weights = Scaling(factors)(query, key, value)
    expected = whole.clone()
    expected[1, :, 4, 2] = 0
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(output, expected @ value)


def test_links_are_changed_in_the_first_layer_only_and_given_back():
    model = build_reader("none", torch.Generator().manual_seed(0), causal=True).eval()
    layers = attention_layers(model)
    used = []

    def noted(*given, **options):
        used.append("second")
        return scaled_dot_product_attention(*given, **options)

    first, layers[1].attention = layers[0].attention, noted
    changed = positional_links.change_links(model, num_questions=20)
    assert (layers[0].attention, layers[1].attention) == (first, noted)
    assert used == ["second"] * 4
    assert changed.untouched == share_right(model, LENGTHS[0], 0, 20) == 0.5


def test_the_stored_cuts_are_those_that_the_text_tells():
    links = [LinksChanged(**shares) for shares in positional_seeds.stored_order().links]
    assert len(links) == positional_seeds.NUM_SEEDS
    assert {(shares.untouched, shares.another) for shares in links} == {(1.0, 1.0)}
    cut = [shares.later_to_earlier for shares in links]
    assert (f"{min(cut):.2f}", f"{max(cut):.2f}") == ("0.50", "0.91")
    exchanged = [f"{shares.exchanged:.2f}" for shares in links]
    assert sorted(exchanged) == ["0.80", *["1.00"] * 4]


def test_a_mask_helps_every_scheme_at_the_longest():
    right = positional_seeds.stored_order().right
    for scheme in SCHEMES:
        masked, both_ways = (
            statistics.mean(shares[-1] for shares in right[name])
            for name in (f"{scheme}, causal", scheme)
        )
        assert masked > both_ways + 0.1


@pytest.mark.usefixtures("unchecked")
def test_a_stored_cut_comes_out_again():
    again = positional_seeds.measure_links(2)
    wanted = positional_seeds.stored_order().links[2]
    # What is left after the cut hangs by rounding (0.51 to 0.60 with seed 0); the others do not.
    assert again.pop("later_to_earlier") < 0.9
    assert again == pytest.approx({name: wanted[name] for name in again}, abs=0.05)


def test_a_probe_reads_places_where_they_were_added():
    generator = torch.Generator().manual_seed(0)
    assert read_places(build_reader("sinusoidal", generator).eval(), 0).explained > 0.9
    assert read_places(build_reader("none", generator).eval(), 0).explained < 0.05


def test_the_stored_result_says_what_made_it_and_bears_the_claims_out():
    stored = positional_seeds.stored_order()
    assert stored.command == "python -m transformer_course.experiments.positional_seeds"
    assert (list(stored.lengths), stored.num_steps) == (list(LENGTHS), 200)
    assert set(stored.versions) == {"python", "torch"}
    assert list(stored.right) == list(positional_seeds.MODELS)
    for seed in range(positional_seeds.NUM_SEEDS):
        right = {scheme: stored.right[scheme][seed] for scheme in SCHEMES}
        order = replace(GOOD_ORDER, right=right)
        for claim in (
            positional_order.positions_let_a_model_tell_order,
            positional_order.length_is_not_free,
        ):
            assert claim(order).holds, (seed, claim(order).statement)


@pytest.mark.usefixtures("unchecked")
def test_a_row_of_the_stored_result_comes_out_again():
    again = positional_seeds.measure("ALiBi", 1)
    # Other processors round otherwise, and training makes much of little.
    wanted = positional_seeds.stored_order().right["ALiBi"][1]
    assert again[0] == pytest.approx(wanted[0], abs=0.03)
    assert again[1:] == pytest.approx(wanted[1:], abs=0.12)


def test_the_table_holds_mean_and_deviation_over_the_seeds():
    stored = positional_seeds.stored_order()
    (line,) = (line for line in stored.table().splitlines() if line.startswith("RoPE "))
    twice = [shares[1] for shares in stored.right["RoPE"]]
    wanted = f"{statistics.mean(twice):.2f} ± {statistics.stdev(twice):.2f}"
    assert re.findall(r"\d\.\d\d ± \d\.\d\d", line)[1] == wanted


def test_the_table_of_some_models_leaves_the_others_out():
    written = positional_seeds.stored_order().table(positional_seeds.MASKED)
    _, first, second, *schemes = written.splitlines()
    assert first.startswith("none, causal  ")
    assert second.startswith("none, causal, 1 layer ")
    assert [line.split(",")[0] for line in schemes] == ["sinusoidal", "learned", "RoPE", "ALiBi"]


@pytest.mark.usefixtures("unchecked")
def test_the_command_stores_what_it_measures(tmp_path, capsys, monkeypatch):
    name = "none, causal"
    models = {name: positional_seeds.MODELS[name]}
    monkeypatch.setattr(positional_seeds, "MODELS", models)
    file = tmp_path / "order.json"
    positional_seeds.main(file, num_seeds=2, num_steps=1)
    stored = positional_seeds.stored_order(file)
    assert capsys.readouterr().out == stored.table() + "\n"
    assert json.loads(file.read_text(encoding="utf-8"))["num_steps"] == 1
    assert list(stored.right) == [name]
    assert np.shape(stored.right[name]) == (2, 3)
    assert [LinksChanged(**shares).untouched for shares in stored.links] == pytest.approx(
        [shares[0] for shares in stored.right[name]], abs=0.1
    )


def test_a_missing_result_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"order\.json is missing; run python -m transf"):
        positional_seeds.stored_order(tmp_path / "order.json")
