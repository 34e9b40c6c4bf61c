"""How long an RNN remembers: a recurrent weight, a distance, and what comes of both.

Builds on: recurrent_scene, recurrent_picture.  Lacks: training while you wait.
"""

import html

import ipywidgets  # type: ignore[import-untyped]

from transformer_course.experiments.recurrent_stored import RECURRENT_WEIGHTS, STORED_DISTANCES
from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.widgets.recurrent_picture import WIDTH, draw
from transformer_course.widgets.recurrent_scene import MemoryScene, describe, remember


def memory_explorer() -> "MemoryExplorer":
    """Return a widget that shows gradient and recall for a recurrent weight and a distance."""
    return MemoryExplorer()


class MemoryExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """Two sliders, a sentence that says what there is to see, and the picture.

    Attributes:
        scene: What is drawn.
    """

    scene: MemoryScene

    def __init__(self) -> None:
        self.weight = _slider("Recurrent weight", RECURRENT_WEIGHTS, 0.5)
        self.distance = _slider("Distance", STORED_DISTANCES, 50)
        self.words = ipywidgets.HTML(layout={"min_height": "68px"})
        self.picture = ipywidgets.Image(
            layout={"max_width": f"{SHOWN_PER_INCH * WIDTH:.0f}px", "width": "98%"}
        )
        for slider in (self.weight, self.distance):
            slider.observe(self._redraw, "value")
        self._redraw()
        controls = ipywidgets.Box([self.weight, self.distance], layout={"flex_flow": "row wrap"})
        super().__init__([controls, self.words, self.picture])

    def __repr__(self) -> str:
        return "How long an RNN remembers: run this cell to try it; pictures of it stand below."

    def _redraw(self, _: object = None) -> None:
        self.scene = remember(self.weight.value, self.distance.value)
        self.picture.value = draw(self.scene)
        self.words.value = (
            '<div role="status" aria-live="polite" style="line-height: 1.5">'
            f"{html.escape(describe(self.scene))}</div>"
        )


def _slider(
    description: str, options: tuple[float, ...], value: float
) -> ipywidgets.SelectionSlider:
    return ipywidgets.SelectionSlider(
        options=[(f"{option:g}", option) for option in options],
        value=value,
        description=description,
        style={"description_width": "initial"},
        layout={"width": "380px", "max_width": "98%"},
    )
