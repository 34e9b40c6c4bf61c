"""Lesson 06's claims C9 and C6: what is measured is what is said, and each claim can fail."""

import json
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cosine_similarity, log_softmax

from transformer_course.experiments import (
    multi_head,
    multi_head_context,
    multi_head_hints,
    multi_head_minilm,
    multi_head_repeats,
    multi_head_scores,
    multi_head_sentences,
    multi_head_twins,
)
from transformer_course.experiments.multi_head import HeadTable
from transformer_course.experiments.multi_head_scores import (
    ablation_costs,
    at_their_means,
    attention_layers,
    mean_ablation_costs,
    role_keys,
    role_scores,
    without_heads,
)
from transformer_course.multi_head import silence_head

IDS = torch.tensor([[3, 5, 7, 3, 5, 5]])


def text(batch_size=5, seed=0):
    return multi_head_repeats.repeated_text(batch_size, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def repeaters():
    return multi_head.read_repeaters()


@pytest.fixture(scope="module")
def found():
    return multi_head_minilm.search_heads()


@pytest.fixture(scope="module")
def context():
    return multi_head_context.context_arriving()


# What the small world is made of


def test_repeated_text_repeats_its_segment_and_says_how_long_it_is():
    drawn = text(50)
    assert drawn.ids.shape == (50, 65)
    assert set(drawn.periods.tolist()) <= set(range(16, 33))
    for ids, period in zip(drawn.ids.tolist(), drawn.periods.tolist(), strict=True):
        assert ids[period:] == ids[:-period]


def test_only_what_was_seen_before_is_to_be_told():
    drawn = text(50)
    for inputs, targets, period in zip(drawn.inputs, drawn.targets, drawn.periods, strict=True):
        told = (targets != -100).nonzero()[:, 0].tolist()
        assert told == list(range(period - 1, 64))
        assert torch.equal(targets[period:], inputs[1 : 65 - period])


def test_the_loss_is_that_of_the_foreseeable_tokens():
    model, drawn = multi_head_repeats.load_repeater(2), text()
    with torch.no_grad():
        logs = log_softmax(model(drawn.inputs).logits, dim=-1)
    losses = [
        -logs[row, place, drawn.ids[row, place + 1]]
        for row, period in enumerate(drawn.periods.tolist())
        for place in range(period - 1, 64)
    ]
    expected = torch.stack(losses).mean().item()
    assert multi_head_repeats.repeat_loss(model, drawn) == pytest.approx(expected, rel=1e-4)


def test_training_starts_anew_with_each_seed_and_is_the_same_with_one():
    first, again, other = (
        multi_head_repeats.train_repeater(1, seed, num_steps=2).state_dict() for seed in (0, 0, 1)
    )
    name = "decoder.blocks.0.attention.query.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_the_command_keeps_models_that_can_be_read_again(tmp_path, monkeypatch):
    short = replace(multi_head_repeats.TRAINING, num_steps=2, warmup_steps=1)
    monkeypatch.setattr(multi_head_repeats, "TRAINING", short)
    monkeypatch.setattr(multi_head_repeats, "FILES", {1: tmp_path / "one.safetensors"})
    multi_head_repeats.main([1])
    kept = multi_head_repeats.load_repeater(1).state_dict()
    trained = multi_head_repeats.train_repeater(1, num_steps=2).state_dict()
    assert all(torch.equal(kept[name], trained[name]) for name in trained)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_the_kept_models_are_small_and_of_the_declared_shape(num_layers):
    model = multi_head_repeats.load_repeater(num_layers)
    assert model.config == multi_head_repeats.build_repeater(num_layers).config
    assert multi_head_repeats.FILES[num_layers].stat().st_size < 300_000


# Scores


def keys_of(role):
    """Return, for each query, the keys that the role looks at, as pairs."""
    return {tuple(pair) for pair in role_keys(IDS)[role][0].nonzero().tolist()}


@pytest.mark.parametrize(
    ("role", "pairs"),
    [
        ("itself", {(place, place) for place in range(6)}),
        ("previous", {(place, place - 1) for place in range(1, 6)}),
        ("same", {(3, 0), (4, 1), (5, 1), (5, 4)}),
        ("first", {(place, 0) for place in range(2, 6)}),
        ("induction", {(3, 1), (4, 2), (5, 2)}),
    ],
)
def test_a_role_looks_where_it_says(role, pairs):
    assert keys_of(role) == pairs


def test_a_head_that_follows_a_role_scores_1_and_one_that_never_does_0():
    for role, keys in role_keys(IDS).items():
        follows = keys.float() / keys.sum(-1, keepdim=True).clamp(min=1)
        other = torch.zeros_like(follows)
        scores = role_scores([torch.stack([follows, other], dim=1)], IDS)[role]
        assert scores.tolist() == [[1.0, 0.0]]


def test_scores_are_means_over_the_queries_that_have_something_to_look_at():
    weights = torch.rand(2, 3, 7, 7).softmax(-1)
    ids = torch.randint(3, (2, 7))
    scores = role_scores([weights, weights.flip(1)], ids)
    for role, keys in role_keys(ids).items():
        received = [
            sum(weights[row, 1, query, key] for key in range(7) if keys[row, query, key])
            for row in range(2)
            for query in range(7)
            if keys[row, query].any()
        ]
        torch.testing.assert_close(scores[role][0, 1], torch.stack(received).mean())
        torch.testing.assert_close(scores[role][1], scores[role][0].flip(0))


def test_a_text_in_which_nothing_repeats_has_no_score():
    ids = torch.arange(5)[None]
    with pytest.raises(ValueError, match="can look at an earlier token of the same kind; give a"):
        role_scores([torch.ones(1, 2, 5, 5) / 5], ids)


def test_a_head_that_looks_back_everywhere_alike_scores_by_chance():
    ids = torch.tensor([[2, 2, 2]])
    chances = multi_head_scores.role_chances(ids)
    assert chances == pytest.approx(
        {"itself": 11 / 18, "previous": 5 / 12, "same": 7 / 12, "first": 1 / 3, "induction": 1 / 3}
    )


# Ablation


def test_without_heads_is_computed_without_them_and_then_with_them_again():
    model, drawn = multi_head_repeats.build_repeater(2), text()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    layer = attention_layers(model)[1]
    with torch.no_grad():
        whole = model(drawn.inputs).logits
        expected = silence_head(silence_head(layer.output.weight, 3, 4), 0, 4)
        with without_heads(model, [(1, 3), (1, 0)]):
            assert torch.equal(layer.output.weight, expected)
            assert not torch.allclose(model(drawn.inputs).logits, whole)
        assert torch.equal(model(drawn.inputs).logits, whole)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_a_model_gets_its_heads_back_when_what_is_measured_fails():
    model = multi_head_repeats.build_repeater(1)
    weight = attention_layers(model)[0].output.weight
    before = weight.clone()
    with pytest.raises(RuntimeError, match="broken"), without_heads(model, [(0, 2)]):
        raise RuntimeError("broken")
    assert torch.equal(weight, before)


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ([(2, 0)], "layer=2 is none of 2; choose 0 to 1"),
        ([(0, 1), (1, 4)], "head=4 is none of 4; choose 0 to 3"),
    ],
)
@pytest.mark.parametrize("ablate", [without_heads, at_their_means])
def test_heads_that_are_not_there_are_refused_before_anything_changes(ablate, heads, words):
    model = multi_head_repeats.build_repeater(2)
    before = attention_layers(model)[0].output.weight.clone()
    with pytest.raises(ValueError, match=words), ablate(model, heads):
        pass
    assert torch.equal(attention_layers(model)[0].output.weight, before)


def test_costs_are_the_measure_without_each_head_less_the_measure_with_all():
    model, drawn = multi_head_repeats.build_repeater(2), text()

    def measure():
        return multi_head_repeats.repeat_loss(model, drawn)

    costs = ablation_costs(model, measure)
    assert costs.shape == (2, 4)
    with without_heads(model, [(1, 2)]):
        without = measure()
    assert costs[1, 2].item() == pytest.approx(without - measure(), abs=1e-6)


def test_heads_at_their_means_add_to_the_layer_without_them_what_they_say_on_average():
    layer = attention_layers(multi_head_repeats.build_repeater(2))[1]
    vectors = torch.randn(5, 7, 64, generator=torch.Generator().manual_seed(0))
    heads = [(0, 3), (0, 1)]
    with torch.no_grad():
        whole = layer(vectors).output
        with without_heads(layer, heads):
            without = layer(vectors).output
        with at_their_means(layer, heads):
            at_means = layer(vectors).output
        torch.testing.assert_close(at_means, without + (whole - without).mean((0, 1)))
        assert not torch.allclose(at_means, without)
        assert torch.equal(layer(vectors).output, whole)


def test_heads_speak_again_when_what_is_measured_at_their_means_fails():
    layer = attention_layers(multi_head_repeats.build_repeater(1))[0]
    vectors = torch.randn(2, 3, 64, generator=torch.Generator().manual_seed(0))
    whole = layer(vectors).output
    with pytest.raises(RuntimeError, match="broken"), at_their_means(layer, [(0, 2)]):
        raise RuntimeError("broken")
    assert torch.equal(layer(vectors).output, whole)


def test_of_the_kept_heads_the_same_two_are_dear_at_their_means():
    model, drawn = multi_head_repeats.load_repeater(2), multi_head.repeats_for_reading()
    costs = mean_ablation_costs(model, lambda: multi_head_repeats.repeat_loss(model, drawn))
    dear = torch.zeros(2, 4, dtype=torch.bool)
    dear[0, [1, 3]] = True
    assert costs[dear].min() > 6
    assert costs[~dear].max() < 0.3
    assert costs[0, 1].item() == pytest.approx(7.28, abs=0.05)
    assert costs[0, 3].item() == pytest.approx(6.24, abs=0.05)


def test_another_way_to_silence_is_the_one_that_is_used():
    model, calls = multi_head_repeats.build_repeater(2), []

    def silence(weight, head, num_heads):
        calls.append((head, num_heads))
        return weight

    costs = ablation_costs(model, lambda: multi_head_repeats.repeat_loss(model, text()), silence)
    assert calls == [(head, 4) for _ in range(2) for head in range(4)]
    assert not costs.any()


# Claims on repeated text


def test_the_kept_models_hold_both_claims(repeaters):
    for judge in (multi_head.heads_take_roles, multi_head.a_role_is_no_price):
        finding = judge(repeaters)
        assert finding.holds, finding.statement


def test_other_texts_give_the_same_roles():
    assert multi_head.heads_take_roles(multi_head.read_repeaters(seed=7)).holds


def with_scores(table, role, number):
    return replace(table, scores={**table.scores, role: torch.full_like(table.costs, number)})


def contrary(repeaters, model, **changes):
    return replace(repeaters, **{model: replace(getattr(repeaters, model), **changes)})


@pytest.mark.parametrize("role", ["previous", "induction"])
def test_a_model_without_a_role_turns_the_claim_on_roles(repeaters, role):
    trained = with_scores(repeaters.trained, role, 0.05)
    assert not multi_head.heads_take_roles(replace(repeaters, trained=trained)).holds


@pytest.mark.parametrize(
    ("model", "changes"),
    [("trained", {"loss": 1.0}), ("one_layer", {"loss": 0.5})],
)
def test_a_contrary_loss_turns_the_claim_on_roles(repeaters, model, changes):
    finding = multi_head.heads_take_roles(contrary(repeaters, model, **changes))
    assert not finding.holds
    assert "expected" in finding.statement


@pytest.mark.parametrize("role", multi_head_scores.ROLES)
def test_untrained_heads_with_a_role_turn_the_claim(repeaters, role):
    untrained = with_scores(repeaters.untrained, role, 0.6)
    assert not multi_head.heads_take_roles(replace(repeaters, untrained=untrained)).holds


def test_one_layer_with_induction_turns_the_claim(repeaters):
    one_layer = with_scores(repeaters.one_layer, "induction", 0.6)
    assert not multi_head.heads_take_roles(replace(repeaters, one_layer=one_layer)).holds


@pytest.mark.parametrize("costs", [torch.full((2, 4), 6.0), torch.full((2, 4), 0.1)])
def test_prices_that_are_all_alike_turn_the_claim_on_prices(repeaters, costs):
    finding = multi_head.a_role_is_no_price(contrary(repeaters, "trained", costs=costs))
    assert not finding.holds


@pytest.mark.parametrize("head", [(0, 1), (0, 3), (1, 3)])
def test_each_price_that_the_claim_names_can_turn_it(repeaters, head):
    costs = repeaters.trained.costs.clone()
    costs[head] = 2.0
    assert not multi_head.a_role_is_no_price(contrary(repeaters, "trained", costs=costs)).holds


def test_other_contrary_numbers_turn_the_claim_on_prices(repeaters):
    dull = with_scores(repeaters.trained, "itself", 0.1)
    for changed in (
        replace(repeaters, trained=dull),
        replace(repeaters, without_induction=0.2),
        contrary(repeaters, "one_layer", costs=torch.full((1, 4), 2.0)),
    ):
        assert not multi_head.a_role_is_no_price(changed).holds


def test_a_table_finds_heads_by_score():
    scores = {"induction": torch.tensor([[0.1, 0.6], [0.7, 0.2]])}
    table = HeadTable(scores=scores, chances={}, costs=torch.zeros(2, 2), loss=0.0)
    assert table.heads_above("induction", 0.5) == [(0, 1), (1, 0)]
    assert table.highest("induction") == pytest.approx(0.7)
    assert multi_head_scores.best(scores["induction"]) == (1, 0)


# Shakespeare


@pytest.fixture(scope="module")
def writer():
    return multi_head.read_writer()


def test_the_heads_of_the_kept_writer_have_no_names(writer):
    finding = multi_head.heads_of_a_writer_have_no_names(writer)
    assert finding.holds, finding.statement


def test_a_writers_layers_are_measured_without_all_of_their_heads(repeaters):
    drawn = multi_head.repeats_for_reading()
    model = multi_head_repeats.load_repeater(2)
    found = multi_head.writer_heads(model, drawn.inputs, drawn.targets)
    torch.testing.assert_close(found.table.costs, repeaters.trained.costs)
    with without_heads(model, [(1, head) for head in range(4)]):
        without = multi_head_repeats.repeat_loss(model, drawn)
    assert found.layers[1].item() == pytest.approx(without - found.table.loss, abs=1e-4)


@pytest.mark.parametrize("role", multi_head_scores.ROLES)
def test_a_writer_with_a_role_turns_the_claim(writer, role):
    changed = replace(writer, table=with_scores(writer.table, role, 0.6))
    assert not multi_head.heads_of_a_writer_have_no_names(changed).holds


@pytest.mark.parametrize(
    "changes",
    [{"costs": torch.full((3, 4), 0.5)}, {"chances": {"previous": 0.3}}, {"loss": 5.0}],
)
def test_contrary_numbers_turn_the_claim_on_the_writer(writer, changes):
    changed = replace(writer, table=replace(writer.table, **changes))
    assert not multi_head.heads_of_a_writer_have_no_names(changed).holds


def test_layers_that_cost_nothing_turn_the_claim_on_the_writer(writer):
    changed = replace(writer, layers=torch.zeros(3))
    assert not multi_head.heads_of_a_writer_have_no_names(changed).holds


# Heads that start alike


def test_twins_are_alike_in_all_that_is_asked_for():
    for output in (True, False):
        model = multi_head_repeats.build_repeater(2)
        assert multi_head_twins.largest_difference(model) > 0
        multi_head_twins.make_twins(model, output=output)
        assert multi_head_twins.largest_difference(model) == 0
        columns = attention_layers(model)[0].output.weight.unflatten(1, (4, -1))
        assert torch.equal(columns, columns[:, :1].expand_as(columns)) == output


def test_the_stored_twins_are_what_training_gives():
    shortest, *longer = multi_head_twins.stored_twins()
    again = multi_head_twins.train_twins(num_steps=shortest.num_steps)
    for field, number in vars(shortest).items():
        assert getattr(again, field) == pytest.approx(number, rel=0.05, abs=1e-8), field
    assert [row.num_steps for row in longer] == [1_000, 2_000]


def test_the_stored_rows_say_how_they_were_made():
    kept = json.loads(multi_head_twins.FILE.read_text(encoding="utf-8"))
    assert kept["command"] == f"python -m {multi_head_twins.__name__}"
    assert {"seed", "versions"} <= set(kept)


def test_the_command_for_twins_keeps_what_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(multi_head_twins, "FILE", tmp_path / "twins.json")
    multi_head_twins.main([1], tmp_path / "twins.json")
    (kept,) = multi_head_twins.stored_twins()
    assert kept == multi_head_twins.train_twins(num_steps=1)


TWINS = multi_head_twins.Twins(
    num_steps=2_000, alike=0.0, nudged=0.2, other_output_once=0.006, other_output=0.4
)


@pytest.mark.parametrize(
    ("when", "contrary_number"),
    [
        ("now", {"alike": 0.1}),
        ("stored", {"alike": 0.1}),
        ("now", {"other_output_once": 0.0}),
        ("stored", {"nudged": 1e-6}),
    ],
)
def test_contrary_twins_turn_the_claim(when, contrary_number):
    twice = multi_head_twins.TwinsTwice(now=TWINS, stored=TWINS)
    assert multi_head_twins.heads_part_by_their_start(twice).holds
    changed = replace(twice, **{when: replace(TWINS, **contrary_number)})
    assert not multi_head_twins.heads_part_by_their_start(changed).holds


def test_twins_trained_now_hold_the_claim():
    finding = multi_head_twins.heads_part_by_their_start(multi_head_twins.twins_twice(num_steps=5))
    assert finding.holds, finding.statement


# The sentences


def test_there_are_enough_sentences_each_with_its_controls():
    senses, contrasts = multi_head_sentences.two_senses(), multi_head_sentences.contrasts()
    assert min(len(senses), len(contrasts)) >= 20
    assert len({one.word for one in senses}) == len(senses)
    for one in senses:
        for hints in (one.two_senses, one.one_sense, one.neutral):
            assert (
                one.text(hints).lower().split().count(one.word)
                + one.text(hints).lower().count(f"{one.word}.")
                == 2
            )
            assert set(hints) <= set(one.text(hints).rstrip(".").replace(",", "").split())
    for one in contrasts:
        assert len({one.first, one.opposite, one.alike, one.unrelated}) == 4


def test_the_first_sentences_are_about_the_banks():
    assert multi_head_sentences.BANKS == (
        "The bank of the river was crowded, but the financial bank was empty."
    )
    first = multi_head_sentences.contrasts()[0]
    assert first.text(first.opposite, "but") == multi_head_sentences.BANKS


def test_hints_and_their_controls_stand_at_the_same_places():
    encoder = multi_head_sentences.minilm()
    for one in multi_head_sentences.two_senses():
        hints = (one.two_senses, one.one_sense, one.neutral)
        texts = multi_head_sentences.batch(encoder, [one.text(pair) for pair in hints])
        places = [
            (texts.places(row, one.word), [texts.places(row, hint)[0] for hint in pair])
            for row, pair in enumerate(hints)
        ]
        assert places[0] == places[1] == places[2]


def test_a_batch_is_read_as_each_of_its_texts_alone():
    encoder = multi_head_sentences.minilm()
    sentences = ["The bank was near.", multi_head_sentences.BANKS]
    texts = multi_head_sentences.batch(encoder, sentences)
    found = multi_head_sentences.read(encoder, texts)
    vectors = multi_head_sentences.sentence_vectors(encoder, texts)
    for row, sentence in enumerate(sentences):
        alone = encoder.read(sentence)
        length = len(alone.tokens)
        torch.testing.assert_close(
            found.attention_weights[2][row, :, :length, :length],
            alone.output.attention_weights[2][0],
            rtol=1e-3,
            atol=1e-5,
        )
        mean = alone.output.hidden[0].mean(0)
        torch.testing.assert_close(vectors[row], mean / mean.norm(), rtol=1e-3, atol=1e-5)


def test_a_word_that_is_no_token_is_refused():
    texts = multi_head_sentences.batch(multi_head_sentences.minilm(), ["The bank was near."])
    with pytest.raises(ValueError, match=r"'river' is no token of .+bank was near"):
        texts.places(0, "river")


# Claims on MiniLM


MINILM_CLAIMS = (
    multi_head_minilm.no_head_tells_the_banks_apart,
    multi_head_minilm.a_head_leans_a_little,
    multi_head_minilm.a_head_links_words_of_a_kind,
    multi_head_minilm.a_fine_map_may_do_nothing,
)


@pytest.mark.parametrize("judge", MINILM_CLAIMS, ids=lambda judge: judge.judge.__name__)
def test_minilm_holds(found, judge):
    finding = judge(found)
    assert finding.holds, finding.statement


def test_the_heads_that_are_found_are_those_that_the_lesson_names(found):
    assert (found.apart, found.opposed) == ((2, 11), (2, 4))


def test_the_shares_that_the_lesson_names_are_those_that_are_found(found):
    hints, rate = found.hints, 13
    assert found.leaning == (1, 4)
    assert round(rate * hints.preferring()[1, 4].item()) == 12
    assert (hints.leaning() == 1).sum() == 6
    assert hints.leaning()[1, 4] == 1
    heads = [(layer, head) for layer in range(6) for head in range(12)]
    assert round(rate * hints.right(found.apart)) == 8
    assert max(hints.right(head) for head in heads) == hints.right(found.apart)
    assert round(rate * hints.right((0, 4))) == 1


def test_leaning_is_more_to_ones_own_and_preferring_more_than_to_a_neutral_word():
    own = torch.tensor([[0.3, 0.2], [0.2, 0.2]])[:, None, None]
    other = torch.tensor([[0.1, 0.1], [0.1, 0.3]])[:, None, None]
    neutral = torch.tensor([[0.4, 0.1], [0.1, 0.1]])[:, None, None]
    hints = multi_head_hints.Hints(
        own=own,
        other=other,
        neutral=neutral,
        neutral_other=torch.zeros_like(own),
        one_sense=own,
        beside=torch.ones(2, 2, dtype=torch.bool),
    )
    assert hints.leaning().item() == 0.5
    assert hints.leaning_to_neutral().item() == 1
    assert hints.preferring().item() == 0
    assert hints.right((0, 0)) == 0


def test_a_heads_weights_are_those_of_a_single_reading():
    encoder = multi_head_sentences.minilm()
    hints = multi_head_hints.hint_weights(encoder)
    alone = encoder.read(multi_head_sentences.BANKS)
    place = alone.tokens.index
    banks = [number for number, token in enumerate(alone.tokens) if token == "bank"]
    weights = alone.output.attention_weights[0][0, 4]
    assert hints.own[0, 0, 4].tolist() == pytest.approx(
        [weights[banks[0], place("river")].item(), weights[banks[1], place("financial")].item()],
        abs=1e-4,
    )
    assert hints.other[0, 0, 4].tolist() == pytest.approx(
        [weights[banks[0], place("financial")].item(), weights[banks[1], place("river")].item()],
        abs=1e-4,
    )
    assert hints.beside[0].tolist() == [False, True]
    contrasts = multi_head_minilm.contrast_weights(encoder)
    expected = alone.output.attention_weights[2][0, 4, place("empty"), place("crowded")]
    assert contrasts.opposite[0, 2, 4].item() == pytest.approx(expected.item(), abs=1e-4)


def test_sentences_to_judge_by_were_not_searched_in():
    hints = multi_head_hints.hint_weights(multi_head_sentences.minilm())
    search, judge = hints.halves()
    assert torch.equal(search.own, hints.own[0::2])
    assert torch.equal(judge.neutral, hints.neutral[1::2])
    assert len(search.beside) + len(judge.beside) == len(hints.beside)


def test_changes_are_those_of_the_whole_model_without_the_head(found):
    encoder = multi_head_sentences.minilm()
    sentences = [one.text(one.two_senses) for one in multi_head_sentences.two_senses()]
    texts = multi_head_sentences.batch(encoder, sentences)
    whole = multi_head_sentences.sentence_vectors(encoder, texts)
    for head in ((2, 11), (5, 11)):
        with without_heads(encoder.model, [head]):
            without = multi_head_sentences.sentence_vectors(encoder, texts)
        expected = (1 - cosine_similarity(whole, without, dim=-1)).mean().item()
        assert found.changes[head].item() == pytest.approx(expected, abs=1e-5)


def hints_with(found, **numbers):
    layer, head = found.apart
    parts = {name: tensor.clone() for name, tensor in vars(found.hints).items()}
    for name, number in numbers.items():
        parts[name][:, layer, head] = number
    return replace(found, hints=multi_head_hints.Hints(**parts))


@pytest.mark.parametrize(
    "numbers", [{"own": 0.02}, {"own": 0.5}, {"neutral": 0.0}, {"own": 0.9, "other": 0.0}]
)
def test_contrary_hints_turn_the_claim_on_the_banks(found, numbers):
    assert not multi_head_minilm.no_head_tells_the_banks_apart(hints_with(found, **numbers)).holds


def test_any_head_that_is_right_everywhere_turns_the_claim_on_the_banks(found):
    own = found.hints.own.clone()
    own[:, 4, 7] = 0.9
    changed = replace(found, hints=replace(found.hints, own=own))
    assert not multi_head_minilm.no_head_tells_the_banks_apart(changed).holds


@pytest.mark.parametrize("numbers", [{"own": 0.0}, {"own": 0.4}, {"neutral": 0.9}, {"other": 0.9}])
def test_contrary_hints_turn_the_claim_on_leaning(found, numbers):
    changed = hints_with(replace(found, apart=found.leaning), **numbers)
    assert not multi_head_minilm.a_head_leans_a_little(changed).holds


def test_neutral_words_that_get_no_more_nearby_turn_the_claim_on_leaning(found):
    hints = replace(found.hints, neutral_other=found.hints.neutral + 1)
    changed = replace(found, hints=hints)
    assert not multi_head_minilm.a_head_leans_a_little(changed).holds


@pytest.mark.parametrize(
    "numbers", [{"opposite": 0.1}, {"alike": 0.01}, {"unrelated": 0.4}, {"with_and": 0.0}]
)
def test_contrary_contrasts_turn_the_claim_on_opposites(found, numbers):
    layer, head = found.opposed
    parts = {name: tensor.clone() for name, tensor in vars(found.contrasts).items()}
    for name, number in numbers.items():
        parts[name][:, layer, head] = number
    changed = replace(found, contrasts=multi_head_minilm.Contrasts(**parts))
    assert not multi_head_minilm.a_head_links_words_of_a_kind(changed).holds


@pytest.mark.parametrize("number", [0.002, 0.2])
def test_a_fine_head_that_matters_turns_the_claim_on_maps(found, number):
    changes = found.changes.clone()
    changes[found.apart] = number
    changed = replace(found, changes=changes)
    assert not multi_head_minilm.a_fine_map_may_do_nothing(changed).holds


def test_heads_that_all_do_nothing_turn_the_claim_on_maps(found):
    changed = replace(found, changes=found.changes / 100)
    assert not multi_head_minilm.a_fine_map_may_do_nothing(changed).holds


# Context


def test_context_arrives(context):
    finding = multi_head_context.context_arrives_through_attention(context)
    assert finding.holds, finding.statement


def test_a_shuffled_model_has_the_same_numbers_at_other_places():
    encoder = multi_head_sentences.minilm()
    double = multi_head_context.shuffled(encoder, seed=3)
    own = dict(encoder.model.named_parameters())
    name = "encoder.blocks.1.attention.key.weight"
    other = dict(double.model.named_parameters())[name]
    assert torch.equal(other.flatten().sort()[0], own[name].flatten().sort()[0])
    assert not torch.equal(other, own[name])


@pytest.mark.parametrize(
    ("model", "kind", "number"),
    [
        ("trained", "two_senses", 0.99),
        ("trained", "two_senses", 0.5),
        ("trained", "one_sense", 0.8),
        ("trained", "same_sentence", 0.9),
        ("untrained", "two_senses", 0.999),
        ("untrained", "two_senses", 0.5),
    ],
)
def test_contrary_cosines_turn_the_claim_on_context(context, model, kind, number):
    cosines = getattr(context, model)
    changed = replace(cosines, **{kind: torch.full_like(cosines.one_sense, number)})
    contrary_context = replace(context, **{model: changed})
    assert not multi_head_context.context_arrives_through_attention(contrary_context).holds
