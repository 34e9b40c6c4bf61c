"""Clocks and places: a table of sinusoids to play with, by width, place and base.

Builds on: positional, positional_scene, positional_picture.  Lacks: learned positions.
"""

import ipywidgets  # type: ignore[import-untyped]

from transformer_course.learn import SHOWN_PER_INCH
from transformer_course.positional import sinusoidal_table
from transformer_course.widgets.controls import labelled, spoken
from transformer_course.widgets.positional_picture import WIDTH, TablePicture
from transformer_course.widgets.positional_scene import (
    NUM_PLACES,
    Scene,
    Setting,
    TableFunction,
    UnfitTableError,
    describe,
    look,
)

WIDEST = 64
START = Setting(d_model=2, place=0, base=10_000.0)


def positional_explorer(table: TableFunction = sinusoidal_table) -> "PositionalExplorer":
    """Return a widget that shows a table of sinusoids, one row of it as clocks, and its doubles.

    Args:
        table: Yours or the course's; what it returns for length, d_model and base is what is drawn.
    """
    return PositionalExplorer(table)


class PositionalExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """Three sliders, words that say what there is to see, and the picture.

    Attributes:
        scene: What is drawn; None while a table cannot be.
    """

    def __init__(self, table: TableFunction) -> None:
        self.table = table
        self.scene: Scene | None = None
        self.d_model = ipywidgets.IntSlider(
            START.d_model, min=2, max=WIDEST, step=2, **labelled("d_model", 300)
        )
        self.place = ipywidgets.IntSlider(
            START.place, min=0, max=NUM_PLACES - 1, **labelled("Place", 280)
        )
        self.base = ipywidgets.FloatLogSlider(
            START.base, min=1, max=5, step=0.25, readout_format=",.0f", **labelled("Base", 280)
        )
        self._picture = TablePicture()
        # The page leaves 2 pixels on either side of a widget.
        widest = f"{SHOWN_PER_INCH * WIDTH:.0f}px"
        self.image = ipywidgets.Image(
            layout={"max_width": widest, "width": "calc(100% - 4px)", "height": "auto"}
        )
        self.words = ipywidgets.HTML(layout={"min_height": "44px"})
        for control in (self.d_model, self.place, self.base):
            control.observe(self._redraw, "value")
        self._redraw()
        controls = ipywidgets.Box(
            (self.d_model, self.place, self.base), layout={"flex_flow": "row wrap"}
        )
        super().__init__((controls, self.words, self.image))

    def __repr__(self) -> str:
        return "Clocks and places: run this cell to try it; pictures of it stand below."

    def _redraw(self, _: object = None) -> None:
        setting = Setting(d_model=self.d_model.value, place=self.place.value, base=self.base.value)
        try:
            self.scene = look(setting, self.table)
        except UnfitTableError as error:
            self.scene = None
            self.image.layout.visibility = "hidden"
            problem = str(error)
            self._say(f"{problem[:1].upper()}{problem[1:]}.")
            return
        self.image.value = self._picture.draw(self.scene)
        self.image.layout.visibility = "visible"
        self._say(*describe(self.scene))

    def _say(self, *sentences: str) -> None:
        self.words.value = spoken(*sentences)
