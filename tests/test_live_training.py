"""Tests of training that is watched: it gives what plain training gives, and can be stopped."""

import asyncio
import re
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel
from small_runs import random_stream, same_weights, small_run

from transformer_course import training
from transformer_course.training import train
from transformer_course.widgets import training as live
from transformer_course.widgets.training import describe, train_live

BASELINES = {"ln V": 3.14, "unigram": 2.9}

ENDLESS_CELL = """
from small_runs import small_run
from transformer_course.widgets.training import train_live

run = small_run(num_steps=10**6)
reports = await train_live(run)
"""


class Page:
    """What was displayed, instead of a notebook."""

    def __init__(self):
        self.panels = []
        self.pictures = []

    @property
    def panel(self):
        return self.panels[-1]

    def show(self, figure, alt):
        self.pictures.append((figure, alt))


@pytest.fixture(autouse=True)
def page(monkeypatch):
    page = Page()
    monkeypatch.setattr(live, "display", page.panels.append)
    monkeypatch.setattr(live, "show", page.show)
    return page


def watch(run, **settings):
    return asyncio.run(train_live(run, **settings))


async def stop_after(page, run, step):
    watched = asyncio.create_task(train_live(run))
    while run.step < step:
        await asyncio.sleep(0)
    page.panel.button.click()
    return await watched


class InterruptedStream:
    """Data whose n-th batch is met by the kernel's interrupt."""

    def __init__(self, interrupted_batch):
        self.stream = random_stream()
        self.batches_left = interrupted_batch

    def sample(self, batch_size, generator):
        self.batches_left -= 1
        if self.batches_left == 0:
            raise KeyboardInterrupt
        return self.stream.sample(batch_size, generator)

    def validation_batches(self, every=1):
        return self.stream.validation_batches(every)


def test_watching_changes_no_number_of_the_training():
    plain, watched = small_run(), small_run()
    assert watch(watched, baselines=BASELINES, sample=lambda: "a text") == train(
        plain, show_progress=False
    )
    assert same_weights(plain.model, watched.model)


def test_a_click_stops_the_training_after_the_step_at_hand(page):
    run = small_run(num_steps=100_000)
    reports = asyncio.run(stop_after(page, run, 5))
    assert len(reports) == run.step
    assert run.step in (5, 6)


def test_a_stopped_run_goes_on_to_where_a_straight_one_ends(page):
    straight, stopped = small_run(), small_run()
    reports = asyncio.run(stop_after(page, stopped, 5))
    assert len(reports) < 12
    assert reports + watch(stopped) == train(straight, show_progress=False)
    assert same_weights(straight.model, stopped.model)


def test_an_interrupt_returns_the_steps_that_were_done():
    # The first batch that is drawn only shows how long a window is.
    run = small_run(InterruptedStream(5))
    assert [report.step for report in watch(run)] == [1, 2, 3]
    assert [report.step for report in watch(run)] == list(range(4, 13))


def test_an_interrupt_amid_a_step_leaves_no_gradients_to_the_next(monkeypatch):
    run = small_run()

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.nn.utils, "clip_grad_norm_", interrupt)
        assert watch(run) == []
    assert all(parameter.grad is None for parameter in run.model.parameters())
    assert len(watch(run)) == 12


def test_the_kernels_interrupt_cancels_the_cell_and_the_steps_are_returned():
    async def scenario():
        run = small_run(num_steps=100_000)
        watched = asyncio.create_task(train_live(run))
        while run.step < 3:
            await asyncio.sleep(0)
        watched.cancel()
        return run, await watched

    run, reports = asyncio.run(scenario())
    assert [report.step for report in reports] == list(range(1, run.step + 1))


def test_interrupting_a_real_kernel_ends_the_cell_well_and_the_next_cell_runs():
    manager, client = start_new_kernel(cwd=Path(__file__).parent)
    try:
        client.execute(ENDLESS_CELL)
        while client.get_iopub_msg(timeout=60)["msg_type"] != "display_data":
            pass
        manager.interrupt_kernel()
        assert client.get_shell_msg(timeout=60)["content"]["status"] == "ok"
        after = client.execute_interactive("assert len(reports) == run.step > 0", timeout=60)
        assert after["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_click_is_handled_between_two_steps_however_many_queues_it_passes():
    async def scenario():
        run = small_run(num_steps=3)
        watched = asyncio.create_task(train_live(run))
        turns = {run.step: 0}
        while not watched.done():
            turns[run.step] = turns.get(run.step, 0) + 1
            await asyncio.sleep(0)
        return turns

    turns = asyncio.run(scenario())
    assert min(turns[1], turns[2]) == live.TURNS


def test_a_finished_run_has_nothing_left_to_do(page):
    run = small_run()
    train(run, show_progress=False)
    assert watch(run) == []
    assert page.pictures == []
    assert "finished: all 12 steps are done" in page.panel.status.value


def test_the_status_says_that_a_stopped_run_can_go_on(page):
    run = small_run(num_steps=100_000)
    asyncio.run(stop_after(page, run, 3))
    expected = f"stopped after step {run.step} of 100,000: the model is usable"
    assert expected in page.panel.status.value
    assert page.panel.button.disabled


def test_the_picture_that_stays_shows_all_losses_and_says_them_in_words(page):
    reports = watch(small_run(), baselines=BASELINES)
    ((figure, alt),) = page.pictures
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert list(lines["training"].get_ydata()) == [report.loss for report in reports]
    assert list(lines["validation"].get_xdata()) == [5, 10, 12]
    assert f"{reports[-1].validation_loss:.2f} at step 12" in alt


def test_each_evaluation_shows_a_sample_as_text_and_the_last_one_stays(page, capsys):
    texts = iter(["one", "two", "<img src=x onerror=alert(1)>&lt;</pre>\n\tthree"])
    watch(small_run(), sample=lambda: next(texts))
    shown = page.panel.sample.value
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;lt;&lt;/pre&gt;\n\tthree" in shown
    assert re.findall(r"<(?!/?pre)", shown) == []
    assert "Written after step 12:\n<img src=x" in capsys.readouterr().out


def test_an_error_in_the_sample_is_raised_and_the_losses_stay(page):
    with pytest.raises(ZeroDivisionError):
        watch(small_run(), sample=lambda: 1 // 0)
    assert page.panel.button.disabled
    assert len(page.pictures) == 1


def test_what_a_reader_without_widgets_sees_is_the_same_on_all_machines(page):
    watch(small_run())
    assert repr(page.panel) == (
        "Live training: run this cell to watch it; how it ended stands below."
    )


def test_the_progress_line_says_step_loss_speed_and_time_left(page, monkeypatch):
    run = small_run(num_steps=600, gradient_accumulation=2)
    panel = live.TrainingPanel(run, {})
    panel._begin = 100.0
    monkeypatch.setattr(live.time, "perf_counter", lambda: 104.0)
    reports = [report for report, _ in zip(run.steps(), range(2), strict=False)]
    for report in reports:
        panel._next_drawing = 0.0
        panel.add(report)
    # Two steps of 2 × 3 windows of 11 tokens in 4 seconds; 598 steps are left.
    assert panel.status.value == (
        f"step 2 of 600 · loss {reports[1].loss:.2f} · 33 tokens a second · 19 min 56 s left"
    )


@pytest.mark.parametrize("frame_seconds", [0.001, 0.02, 0.1])
def test_drawing_takes_a_small_share_of_the_time_however_slow_it_is(monkeypatch, frame_seconds):
    run = small_run(num_steps=2)
    panel = live.TrainingPanel(run, BASELINES)
    clock = [panel._begin]
    frames = []

    def draw():
        clock[0] += frame_seconds
        frames.append(clock[0])
        return b""

    monkeypatch.setattr(live.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(panel.curve, "frame", draw)
    (report, *_) = run.steps()
    for _ in range(10_000):
        clock[0] += 0.01
        panel.add(report)
    assert len(frames) * frame_seconds < 0.03 * (clock[0] - panel._begin)
    assert len(frames) > 0.9 * min(2, live.DRAWING_SHARE / frame_seconds) * 100


def test_the_finding_compares_the_validation_loss_with_each_baseline():
    finding = describe({1: 4.3, 2: 3.0}, {1: 4.0, 2: 3.0}, {"ln V": 4.34, "bigram": 2.5})
    assert finding == (
        "Training loss: 4.30 nats at step 1, 3.00 at step 2. "
        "Validation loss: 3.00 at step 2, below ln V (4.34), not below bigram (2.50)."
    )


def test_the_finding_of_a_run_without_evaluation_says_so():
    assert describe({7: 4.3}, {}, BASELINES).endswith("The validation loss was not measured yet.")
