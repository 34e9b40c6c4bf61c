"""What lesson 01's timings look like: the price of waiting, and training steps by length.

Builds on: drawing, recurrent_plots, recurrent_times.  Lacks: the words beside the pictures.
"""

from matplotlib.figure import Figure

from transformer_course.drawing import INK, QUERY, VALUE, in_course_style
from transformer_course.experiments.recurrent_plots import LOOKS, label_powers
from transformer_course.experiments.recurrent_times import StepTimes, WaitingCost


@in_course_style
def waiting_bars(cost: WaitingCost) -> Figure:
    """Draw how many times longer waiting takes, by batch size."""
    figure = Figure(figsize=(9.2, 3.4), layout="constrained")
    axes = figure.subplots()
    places = range(len(cost.batches))
    for shift, (name, ratios, colour) in enumerate(
        (
            ("products alone", cost.product_ratio, VALUE),
            ("a training step of torch's RNN layer", cost.layer_ratio, QUERY),
        )
    ):
        where = [place + 0.38 * (shift - 0.5) for place in places]
        axes.bar(where, ratios, width=0.36, color=colour, label=name)
        for place, ratio in zip(where, ratios, strict=True):
            axes.annotate(
                f"{ratio:.1f}",
                (place, ratio),
                (0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=10,
                bbox={"boxstyle": "square,pad=0", "facecolor": "white", "linewidth": 0},
            )
    axes.axhline(1, color=INK, linestyle=(0, (5, 3)), linewidth=1, zorder=0)
    axes.text(
        1.01,
        1,
        "1: as long as\nwithout waiting",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9.5,
    )
    axes.set_xticks(list(places), [f"{batch}" for batch in cost.batches])
    axes.set(
        title="256 steps that wait, against the same work at once",
        xlabel="sequences side by side",
        ylabel="times as long",
    )
    axes.legend(loc="upper right")
    axes.set_ylim(0, 1.15 * max(*cost.product_ratio, *cost.layer_ratio))
    figure.draw_without_rendering()
    return figure


@in_course_style
def time_curves(found: StepTimes) -> Figure:
    """Draw the time of a training step against the length, a panel a batch size."""
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    for axes, (batch, by_layer) in zip(
        figure.subplots(1, len(found.seconds), sharey=True), found.seconds.items(), strict=True
    ):
        for name, seconds in by_layer.items():
            colour, marker, line = LOOKS[name]
            milliseconds = [1_000 * one for one in seconds]
            axes.plot(
                found.lengths,
                milliseconds,
                line,
                color=colour,
                marker=marker,
                label=f"{name}, compiled",
            )
        axes.plot(
            [256],
            [1_000 * found.loop[batch]],
            "x",
            color=INK,
            markersize=9,
            label="the same LSTM, looped in Python",
            linestyle="none",
        )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        label_powers(axes, (0, 1, 2))
        axes.set_xticks(found.lengths, [f"{length:,}" for length in found.lengths])
        one = "one sequence" if batch == 1 else f"{batch} sequences at once"
        axes.set(title=one, xlabel="words a sequence (log scale)")
    figure.axes[0].set_ylabel("training step (ms, log scale)")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), fontsize=9)
    figure.draw_without_rendering()
    return figure
