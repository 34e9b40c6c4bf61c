"""Training that can be watched: a loss curve, samples, and a button that stops it.

Builds on: training, drawing, learn.  Lacks: memory of steps done before it was called.
"""

import asyncio
import html
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import ipywidgets  # type: ignore[import-untyped]
import torch
from IPython.display import display

from transformer_course.drawing import LossCurve, loss_curve
from transformer_course.learn import show
from transformer_course.training import StepReport, TrainingRun

REDRAW_SECONDS = 0.5
DRAWING_SHARE = 0.025
"""Pictures come no oftener than `REDRAW_SECONDS`, and take no more of the time than this."""

TURNS = 10
"""Turns that the kernel's event loop gets after each step: a click passes one queue in each."""


async def train_live(
    run: TrainingRun,
    *,
    baselines: Mapping[str, float] = MappingProxyType({}),
    sample: Callable[[], str] | None = None,
) -> list[StepReport]:
    """Do the steps that are left, and show in the notebook how they go; it is to be awaited.

    The button and the kernel's interrupt end it after the step at hand; the model is usable then,
    and the next call goes on from there. What is on the page at the end stays without a kernel.

    Args:
        run: What to train.
        baselines: Losses to compare with, by name, in nats a token.
        sample: Called at each evaluation for a text to show. Draw it with a generator of its own,
            or watching would change what is watched.

    Returns:
        One report a step, the same as `train` gives.
    """
    panel = TrainingPanel(run, baselines)
    display(panel)  # type: ignore[no-untyped-call]
    try:
        for report in run.steps():
            panel.add(report)
            if sample is not None and report.validation_loss is not None:
                panel.write(sample())
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if panel.stopping:
                break
    except (KeyboardInterrupt, asyncio.CancelledError):
        # The kernel's interrupt cancels what is awaited, or ends a step half-way with its
        # gradients in place; the next step must not add to them.
        run.model.zero_grad(set_to_none=True)
    finally:
        panel.finish()
    return panel.reports


class TrainingPanel(ipywidgets.VBox):  # type: ignore[misc]
    """What is on the page while a run trains; at its end, pictures and words that stay.

    Attributes:
        stopping: Whether the button was pressed.
    """

    def __init__(self, run: TrainingRun, baselines: Mapping[str, float]) -> None:
        self.run = run
        self.baselines = baselines
        self.stopping = False
        self.reports: list[StepReport] = []
        self.text = ""
        self.button = ipywidgets.Button(
            description="Stop training",
            tooltip="End after this step: the model stays usable, and the run can go on later",
        )
        self.button.on_click(self._stop)
        self.status = ipywidgets.HTML("training: the first step")
        self.sample = ipywidgets.HTML()
        self.curve = LossCurve(run.config.num_steps, baselines)
        self.picture = ipywidgets.Image(value=self.curve.frame(), layout={"width": "740px"})
        self.head = ipywidgets.HBox([self.button, self.status])
        super().__init__([self.head, self.picture, self.sample])
        window = run.data.sample(1, torch.Generator()).inputs
        self._tokens_a_step = (
            window.numel() * run.config.batch_size * run.config.gradient_accumulation
        )
        self._cost = REDRAW_SECONDS * DRAWING_SHARE
        self._begin = self._next_drawing = time.perf_counter()

    def __repr__(self) -> str:
        return "Live training: run this cell to watch it; how it ended stands below."

    def add(self, report: StepReport) -> None:
        """Take a step into account; draw where enough time has gone by."""
        self.reports.append(report)
        begin = time.perf_counter()
        if begin < self._next_drawing:
            return
        self.curve.update(*self._losses())
        self.picture.value = self.curve.frame()
        self.status.value = self._progress(begin - self._begin)
        cost = time.perf_counter() - begin
        # A frame that had to draw the axes anew is rare; the next one will not be as dear.
        self._cost = min(cost, 2 * self._cost)
        self._next_drawing = begin + max(REDRAW_SECONDS, self._cost / DRAWING_SHARE)

    def write(self, text: str) -> None:
        """Show what the model has just written."""
        self.text = f"Written after step {self.reports[-1].step:,}:\n{text}"
        self.sample.value = (
            f'<pre style="white-space: pre-wrap; margin: 0">{html.escape(self.text)}</pre>'
        )

    def finish(self) -> None:
        """Put what needs no kernel in the place of what moved, and say how it ended."""
        self.button.disabled = True
        self.children = [self.head]
        self.status.value = f'<span role="status">{self._ending()}</span>'
        if not self.reports:
            return
        training, validation = self._losses()
        finding = describe(training, validation, self.baselines)
        figure = loss_curve(training, validation, baselines=self.baselines, num_steps=max(training))
        show(figure, finding)
        print(f"{textwrap.fill(finding, 88)}\n\n{self.text}".rstrip())  # noqa: T201 (it is for the page)

    def _stop(self, _: ipywidgets.Button) -> None:
        self.stopping = True
        self.button.disabled = True
        self.status.value = "stopping after this step"

    def _losses(self) -> tuple[dict[int, float], dict[int, float]]:
        training = {report.step: report.loss for report in self.reports}
        validation = {
            report.step: report.validation_loss
            for report in self.reports
            if report.validation_loss is not None
        }
        return training, validation

    def _progress(self, seconds: float) -> str:
        done, last = len(self.reports), self.reports[-1]
        tokens_a_second = done * self._tokens_a_step / seconds
        minutes, seconds = divmod((self.run.config.num_steps - last.step) * seconds / done, 60)
        return (
            f"step {last.step:,} of {self.run.config.num_steps:,} · loss {last.loss:.2f} · "
            f"{tokens_a_second:,.0f} tokens a second · {minutes:,.0f} min {seconds:02.0f} s left"
        )

    def _ending(self) -> str:
        step, num_steps = self.run.step, self.run.config.num_steps
        if step == num_steps:
            return f"finished: all {num_steps:,} steps are done"
        return (
            f"stopped after step {step:,} of {num_steps:,}: the model is usable as it is; "
            "run this cell again to go on"
        )


def describe(
    training: Mapping[int, float], validation: Mapping[int, float], baselines: Mapping[str, float]
) -> str:
    """Say in words what a loss curve shows.

    Args:
        training: Loss by step, one step or more.
        validation: Loss by step.
        baselines: Losses to compare with, by name.
    """
    first, last = min(training), max(training)
    finding = (
        f"Training loss: {training[first]:.2f} nats at step {first:,}, "
        f"{training[last]:.2f} at step {last:,}."
    )
    if not validation:
        return f"{finding} The validation loss was not measured yet."
    step = max(validation)
    finding += f" Validation loss: {validation[step]:.2f} at step {step:,}"
    below = [name for name, loss in baselines.items() if validation[step] < loss]
    above = [name for name in baselines if name not in below]
    comparisons = [
        f"{word} {_listing(names, baselines)}"
        for word, names in (("below", below), ("not below", above))
        if names
    ]
    return f"{', '.join([finding, *comparisons])}."


def _listing(names: Sequence[str], baselines: Mapping[str, float]) -> str:
    return ", ".join(f"{name} ({baselines[name]:.2f})" for name in names)
