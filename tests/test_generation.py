"""Generation: the cache changes nothing, rows do not disturb one another, and it stops in time."""

import pytest
import torch
from small_runs import CONTEXT, VOCAB_SIZE, model_config

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import find_exercise
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State
from transformer_course.generation import extend, generate
from transformer_course.heads import next_token_probabilities
from transformer_course.model import Transformer


def sharp_model(**changes) -> Transformer:
    """Build a model whose likeliest token depends on the text, unlike an untrained one's."""
    model = Transformer(model_config(tie_embedding=False, **changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Biases stay: they would say the same at every position.
            if parameter.ndim > 1:
                parameter.copy_(torch.randn_like(parameter))
    return model


def generate_without_cache(model, prompt, count, generator, temperature):
    """Read the whole text again for every token; the same rule where the context is full."""
    text = list(prompt)
    view = text[-CONTEXT:]
    capacity = min(CONTEXT, len(view) + count)
    for _ in range(count):
        logits = model(torch.tensor([view])).logits[:, -1]
        probabilities = next_token_probabilities(logits, temperature)
        token = torch.multinomial(probabilities, 1, generator=generator).item()
        text.append(token)
        view = (view[-(capacity // 2) :] if len(view) == capacity else view) + [token]
    return text[len(prompt) :]


@pytest.mark.parametrize(
    "position", ["none", "sinusoidal", "learned", "rotary", "rotary_interleaved", "alibi"]
)
@pytest.mark.parametrize("length", [1, 17])
def test_the_cache_changes_no_token_not_even_beyond_the_context(position, length):
    model = sharp_model(position=position)
    prompt = torch.randint(VOCAB_SIZE, (length,)).tolist()
    controls = {"temperature": 4.0, "generator": torch.Generator().manual_seed(6)}
    expected = generate_without_cache(model, prompt, 40, **controls)
    controls["generator"].manual_seed(6)
    assert generate(model, [prompt], 40, **controls) == [expected]
    assert len(set(expected)) > 9


@pytest.mark.parametrize("position", ["learned", "rotary", "alibi"])
def test_rows_of_different_lengths_get_what_each_would_get_alone(position):
    model = sharp_model(position=position)
    prompts = [[5], [3, 1, 4, 1, 5, 9, 2], [6, 5, 3]]
    alone = [generate(model, [prompt], 4, temperature=0)[0] for prompt in prompts]
    assert generate(model, prompts, 4, temperature=0) == alone


def test_a_row_that_ends_does_not_stop_the_others():
    model = sharp_model()
    prompts = [[5], [7]]
    free = generate(model, prompts, 10, temperature=0)
    stop = next(token for token in free[0] if token not in free[1])
    stopped = generate(model, prompts, 10, temperature=0, stop_ids=[stop])
    assert stopped[0] == free[0][: free[0].index(stop)]
    assert stopped[1] == free[1]


def test_generation_ends_once_every_row_has_ended():
    model = sharp_model()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    first = generate(model, [[5]], 1, temperature=0)[0][0]
    calls.clear()
    assert generate(model, [[5], [5]], 10, temperature=0, stop_ids=[first]) == [[], []]
    assert len(calls) == 1


def test_each_token_is_handed_over_as_soon_as_it_is_drawn():
    seen = []
    rows = generate(
        sharp_model(), [[5], [7]], 6, on_token=lambda row, token: seen.append((row, token))
    )
    assert [row for row, _ in seen] == [0, 1] * 6
    assert [[token for at, token in seen if at == row] for row in (0, 1)] == rows


def test_the_cache_reads_one_new_token_a_step():
    model = sharp_model()
    lengths = []
    model.register_forward_hook(lambda _, args, __: lengths.append(args[0].shape[1]))
    generate(model, [[5, 6, 7]], 5)
    assert lengths == [3, 1, 1, 1, 1]


def test_extend_writes_the_text_on_behind_what_was_read():
    model, ids = sharp_model(), torch.tensor([[5, 3, 2], [7, 1, 4]])
    longer = extend(model, ids, 4, lambda logits: logits.argmax(-1, keepdim=True))
    assert longer.shape == (2, 7)
    assert longer[:, :3].equal(ids)
    # Read whole and at once, each written token is the likeliest after those before it.
    assert longer[:, 3:].equal(model(longer[:, :-1]).logits[:, 2:].argmax(-1))


def test_extend_ends_where_nothing_is_chosen():
    chosen = iter([torch.tensor([[9]]), torch.tensor([[8]]), None])
    ids = extend(sharp_model(), torch.tensor([[5, 3]]), 7, lambda _: next(chosen))
    assert ids.tolist() == [[5, 3, 9, 8]]


def test_a_loop_that_is_handed_over_writes_every_token():
    turns = []

    def counted_extend(model, ids, max_new_tokens, choose):
        turns.append(max_new_tokens)
        return extend(model, ids, max_new_tokens, choose)

    model = sharp_model()
    expected = generate(model, [[5], [7, 3]], 30, temperature=0)
    assert generate(model, [[5], [7, 3]], 30, temperature=0, extend=counted_extend) == expected
    assert sum(turns) == 30
    assert len(turns) > 1  # the context was full in between


def test_reading_goes_one_by_one_until_the_context_is_full_then_from_its_newer_half():
    """What lesson 08 says of a context of 64: 7, then 57 × 1, then 33, then 31 × 1, then 33."""
    model, read = sharp_model(), []
    model.register_forward_pre_hook(lambda _, given: read.append(given[0].shape[1]))
    generate(model, [[5, 3, 1]], CONTEXT + 30, temperature=0)
    half = CONTEXT // 2
    wanted = [3, *[1] * (CONTEXT - 3), *[half + 1, *[1] * (CONTEXT - half - 1)] * 9]
    assert read == wanted[: CONTEXT + 30]


def test_a_loop_that_reads_its_last_token_too_finds_no_room_in_a_full_context():
    """Why the exercise refuses it, though it writes the same text as long as there is room."""
    exercise = find_exercise("generation.extend")
    (mistake,) = [one for one in exercise.mistakes if "read as well, for nothing" in one.name]
    reads_on = exercise.wrong_answers[mistake.name]
    model = sharp_model()
    short = CONTEXT - 2
    written = generate(model, [[5]], short, temperature=0)
    assert generate(model, [[5]], short, temperature=0, extend=reads_on) == written
    with pytest.raises(ValueError, match="do not fit the context"):
        generate(model, [[5]], CONTEXT + 2, temperature=0, extend=reads_on)


def test_a_cache_in_the_exercise_knows_its_length_as_the_models_own_does():
    exercise = find_exercise("generation.extend")
    source = exercise.answer.replace(
        "        ids = torch.cat(",
        "        assert cache.length == ids.shape[1]\n        ids = torch.cat(",
    )
    assert "cache.length" in source
    assert verdict_on(exercise, build(source, "a try", {})).state is State.PASSED
    kept = generate(sharp_model(), [[5]], 3, temperature=0, extend=build(source, "a try", {}))
    assert len(kept[0]) == 3


def test_the_same_seed_draws_the_same_tokens_and_another_seed_others():
    model = sharp_model()
    first, again, other = (
        generate(model, [[5]], 20, temperature=5.0, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_tokens_are_drawn_in_proportion_to_their_probability():
    model = sharp_model()
    prompts = [[5]] * 4000
    drawn = torch.tensor(generate(model, prompts, 1, temperature=3.0))[:, 0]
    logits = model(torch.tensor([[5]])).logits[0, -1]
    expected = next_token_probabilities(logits, temperature=3.0)
    shares = torch.bincount(drawn, minlength=VOCAB_SIZE) / len(prompts)
    assert (shares - expected).abs().max() < 0.03
    assert expected.max() < 0.9


def test_top_k_of_one_is_greedy():
    model = sharp_model()
    assert generate(model, [[5]], 9, top_k=1) == generate(model, [[5]], 9, temperature=0)


def test_the_controls_reach_the_probabilities():
    model = sharp_model()
    narrow = generate(model, [[5]] * 300, 1, temperature=9.0, top_p=0.2)
    wide = generate(model, [[5]] * 300, 1, temperature=9.0)
    assert len({row[0] for row in narrow}) < len({row[0] for row in wide}) / 2


def test_an_encoder_decoder_writes_about_what_it_has_read():
    model = sharp_model(architecture="encoder_decoder")
    sources = torch.randint(VOCAB_SIZE, (2, 7))
    memory = model.encode(sources)
    both = generate(model, [[5], [5]], 8, temperature=0, memory=memory)
    alone = generate(model, [[5]], 8, temperature=0, memory=model.encode(sources[1:]))
    assert both[1] == alone[0]
    assert both[0] != both[1]


def test_generation_leaves_training_mode_as_it_was():
    model = sharp_model(dropout=0.5).train()
    assert generate(model, [[5]], 6, temperature=0) == generate(model, [[5]], 6, temperature=0)
    assert model.training


@pytest.mark.parametrize("prompts", [[], [[5], []]])
def test_an_empty_prompt_is_refused(prompts):
    with pytest.raises(ValueError, match="each needs at least one token to continue"):
        generate(sharp_model(), prompts, 3)


def test_no_new_token_is_refused():
    with pytest.raises(ValueError, match="max_new_tokens=0 must be 1 or more"):
        generate(sharp_model(), [[5]], 0)


@pytest.mark.parametrize(
    "changes", [{"architecture": "encoder"}, {"head": "classification", "num_classes": 3}]
)
def test_a_model_that_cannot_write_is_refused(changes):
    model = Transformer(model_config(**changes))
    with pytest.raises(ValueError, match="cannot generate; build a decoder"):
        generate(model, [[5]], 3)


def test_an_id_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match="token id 23 is outside the vocabulary of 23"):
        generate(sharp_model(), [[23]], 3)
