"""Training: the windows, the schedule, the step, the run, and what it must not learn."""

import math
from itertools import pairwise

import pytest
import torch
from small_runs import CONTEXT, VOCAB_SIZE, model_config, random_stream, same_weights, small_run
from torch import nn

from transformer_course.generation import generate
from transformer_course.heads import cross_entropy
from transformer_course.model import Transformer
from transformer_course.optimizers import build_optimizers
from transformer_course.training import (
    Batch,
    TokenStream,
    TrainingConfig,
    evaluate,
    learning_rate_share,
    train,
    training_step,
)


def test_targets_are_the_inputs_moved_by_one():
    stream = TokenStream(range(100), range(100), context_length=7)
    inputs, targets = stream.sample(5, torch.Generator().manual_seed(1))
    assert inputs.shape == targets.shape == (5, 7)
    assert torch.equal(targets, inputs + 1)


def test_windows_are_drawn_from_the_whole_training_text_and_never_beyond_it():
    stream = TokenStream(range(10), range(10), context_length=7)
    inputs, targets = stream.sample(200, torch.Generator().manual_seed(1))
    assert set(inputs[:, 0].tolist()) == {0, 1, 2}
    assert targets.max() == 9


def test_the_validation_windows_ask_for_every_token_but_the_first_exactly_once():
    stream = TokenStream(range(50), range(1000, 1060), context_length=7)
    asked = [t for batch in stream.validation_batches() for t in batch.targets.flatten().tolist()]
    assert asked == list(range(1001, 1060))


def test_an_eighth_of_the_validation_set_is_a_fixed_eighth():
    stream = random_stream(num_validation=11 * 64 + 1)
    some = [batch.inputs for batch in stream.validation_batches(every=8)]
    again = [batch.inputs for batch in stream.validation_batches(every=8)]
    assert sum(map(len, some)) == 8
    assert all(torch.equal(one, two) for one, two in zip(some, again, strict=True))
    assert torch.equal(some[0][1], stream.validation_ids[8 * 11 : 9 * 11])


@pytest.mark.parametrize("lengths", [(7, 50), (50, 7)])
def test_a_text_shorter_than_a_window_is_refused(lengths):
    with pytest.raises(ValueError, match="text has 7 tokens, expected more than context_length=7"):
        TokenStream(range(lengths[0]), range(lengths[1]), context_length=7)


def test_an_empty_text_is_refused():
    with pytest.raises(ValueError, match="the training text has 0 tokens"):
        TokenStream([], range(50), context_length=7)


def test_the_rate_rises_over_the_warm_up_and_falls_to_its_final_share():
    config = TrainingConfig(num_steps=20, warmup_steps=4, final_learning_rate=0.2)
    shares = [learning_rate_share(step, config) for step in range(21)]
    assert shares[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert all(later < earlier for earlier, later in pairwise(shares[4:]))
    assert shares[20] == pytest.approx(0.2)
    assert shares[12] == pytest.approx(0.6)


def test_the_linear_decay_is_a_straight_line():
    config = TrainingConfig(num_steps=10, warmup_steps=0, decay="linear", final_learning_rate=0)
    shares = [learning_rate_share(step, config) for step in range(11)]
    assert shares == pytest.approx([1 - step / 10 for step in range(11)])


def test_gradients_of_several_batches_equal_that_of_one_large_batch():
    models = [Transformer(model_config(), generator=torch.Generator().manual_seed(2)) for _ in "ab"]
    inputs, targets = torch.randint(VOCAB_SIZE, (2, 6, CONTEXT))
    batches = [[Batch(inputs, targets)], list(map(Batch, inputs.split(2), targets.split(2)))]
    outcomes = []
    for model, share in zip(models, batches, strict=True):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        outcomes.append(training_step(model, [optimizer], share, clip_norm=100.0))
    assert outcomes[0] == pytest.approx(outcomes[1])
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, other)


def test_a_long_gradient_is_shortened_and_its_true_length_reported():
    model = Transformer(model_config())
    before = [parameter.detach().clone() for parameter in model.parameters()]
    batch = Batch(*torch.randint(VOCAB_SIZE, (2, 5, CONTEXT)))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    _, norm = training_step(model, [optimizer], [batch], clip_norm=0.01)
    moved = [now.detach() - was for now, was in zip(model.parameters(), before, strict=True)]
    assert norm > 0.1
    assert nn.utils.get_total_norm(moved).item() == pytest.approx(0.01, rel=1e-3)


def test_the_whole_validation_loss_is_the_mean_over_all_tokens():
    run = small_run()
    stream, model = run.data, run.model
    ids = stream.validation_ids
    losses = []
    for start in range(0, len(ids) - 1, CONTEXT):
        window = ids[None, start : start + CONTEXT + 1]
        logits = model(window[:, :-1]).logits
        losses += [
            cross_entropy(logits[0, [at]], window[0, [at + 1]]).item()
            for at in range(window.shape[1] - 1)
        ]
    assert len(losses) == len(ids) - 1
    assert run.evaluate() == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_evaluation_switches_dropout_off_and_leaves_the_model_as_it_was():
    run = small_run(model=model_config(dropout=0.5))
    run.model.train()
    assert run.evaluate() == run.evaluate()
    assert run.model.training


def test_the_same_seed_gives_the_same_training_to_the_last_bit():
    first, second = small_run(), small_run()
    reports = [train(run, show_progress=False) for run in (first, second)]
    assert reports[0] == reports[1]
    assert same_weights(first.model, second.model)


def test_validation_is_reported_on_the_way_and_at_the_end():
    reports = train(small_run(), show_progress=False)
    assert [report.step for report in reports] == list(range(1, 13))
    assert [report.step for report in reports if report.validation_loss is not None] == [5, 10, 12]


def test_the_last_report_holds_the_loss_on_the_whole_validation_set():
    run = small_run()
    assert train(run, show_progress=False)[-1].validation_loss == run.evaluate()


def test_a_stopped_run_goes_on_where_it_was():
    whole, stopped = small_run(), small_run()
    expected = train(whole, show_progress=False)
    first = train(stopped, show_progress=False, should_stop=lambda: stopped.step == 7)
    second = train(stopped, show_progress=False)
    assert len(first) == 7
    assert first + second == expected
    assert same_weights(whole.model, stopped.model)


def test_a_step_that_is_handed_over_does_every_step():
    calls = []

    def counted_step(*arguments):
        calls.append(1)
        return training_step(*arguments)

    usual, run = small_run(num_steps=4), small_run(num_steps=4, step=counted_step)
    assert [report.loss for report in run.steps()] == [report.loss for report in usual.steps()]
    assert len(calls) == 4
    assert same_weights(run.model, usual.model)


def test_the_loop_can_be_left_from_outside():
    run = small_run()
    for report in run.steps():
        if report.step == 4:
            break
    assert run.step == 4
    assert [report.step for report in run.steps()] == list(range(5, 13))


def test_each_report_is_handed_over_and_shown(capsys):
    seen = []
    reports = train(small_run(), on_report=seen.append)
    assert seen == reports
    assert "12/12" in capsys.readouterr().err


def test_the_rate_follows_the_schedule_in_every_optimiser():
    run = small_run(optimizer="muon", matrix_learning_rate=0.05)
    for report in run.steps():
        share = learning_rate_share(report.step - 1, run.config)
        rates = [group["lr"] for optimizer in run.optimizers for group in optimizer.param_groups]
        assert rates == pytest.approx([1e-3 * share, 1e-3 * share, 0.05 * share])
        assert report.learning_rate == pytest.approx(1e-3 * share)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_text_with_a_pattern_is_learned_and_then_written(optimizer):
    cycle = [3, 1, 4, 15, 9, 2, 6, 5]
    stream = TokenStream(cycle * 60, cycle * 10, CONTEXT)
    run = small_run(stream, num_steps=80, learning_rate=0.02, optimizer=optimizer)
    reports = train(run, show_progress=False)
    assert reports[-1].validation_loss < 0.2
    # A shift done twice or never would also give a low loss, but not the next token.
    (written,) = generate(run.model, [[4, 15]], 20, temperature=0)
    assert written == (cycle * 4)[4:24]


def test_a_text_without_a_pattern_stays_at_the_loss_of_guessing():
    run = small_run(random_stream(num_train=20_000, num_validation=4_000), num_steps=150)
    reports = train(run, show_progress=False)
    assert math.log(VOCAB_SIZE) - 0.02 < reports[-1].validation_loss < math.log(VOCAB_SIZE) + 0.1


def test_evaluate_counts_every_token_once_whatever_the_batches():
    model = Transformer(model_config()).eval()
    inputs, targets = torch.randint(VOCAB_SIZE, (2, 7, CONTEXT))
    uneven = [Batch(inputs[:2], targets[:2]), Batch(inputs[2:], targets[2:])]
    whole = evaluate(model, iter([Batch(inputs, targets)]))
    assert evaluate(model, iter(uneven)) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_steps": 0}, "num_steps=0 must be 1 or more"),
        ({"batch_size": 0}, "batch_size=0 must be 1 or more"),
        ({"learning_rate": 0.0}, "learning_rate=0.0 must be a number above 0"),
        ({"learning_rate": math.nan}, "learning_rate=nan must be a number above 0"),
        ({"clip_norm": -1.0}, "clip_norm=-1.0 must be a number above 0"),
        ({"warmup_steps": 11}, "warmup_steps=11 is outside 0 to num_steps=10"),
        ({"optimizer": "sgd"}, "optimizer='sgd' is unknown; choose one of"),
        ({"decay": "steps"}, "decay='steps' is unknown; choose one of"),
        ({"betas": (0.9, 1.0)}, r"betas=\(0.9, 1.0\) must both be in \[0, 1\)"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1 must be 0 or more"),
        ({"final_learning_rate": 1.5}, r"final_learning_rate=1.5 is outside \[0, 1\]"),
    ],
)
def test_settings_that_cannot_train_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**{"num_steps": 10, "warmup_steps": 2, **changes})


def test_a_training_config_of_another_version_is_refused():
    fields = TrainingConfig(num_steps=200).to_dict()
    del fields["decay"]
    with pytest.raises(ValueError, match=r"missing \['decay'\], unknown \['speed'\]; train again"):
        TrainingConfig.from_dict({**fields, "speed": 3})


def test_a_training_config_survives_its_own_dictionary():
    config = TrainingConfig(num_steps=200, betas=(0.8, 0.95))
    assert TrainingConfig.from_dict(config.to_dict()) == config


def test_an_optimiser_is_stepped_for_every_share_of_the_parameters():
    model = Transformer(model_config())
    optimizers = build_optimizers(
        model,
        "muon",
        learning_rate=0.1,
        matrix_learning_rate=0.1,
        betas=(0.9, 0.99),
        weight_decay=0.0,
    )
    before = [parameter.detach().clone() for parameter in model.parameters()]
    batch = Batch(*torch.randint(VOCAB_SIZE, (2, 5, CONTEXT)))
    training_step(model, optimizers, [batch], clip_norm=1.0)
    unmoved = [
        name
        for (name, now), was in zip(model.named_parameters(), before, strict=True)
        # Keys share their bias: softmax does not see it, so its gradient is 0 up to rounding.
        if torch.equal(now, was) and not name.endswith("key.bias")
    ]
    assert unmoved == []
