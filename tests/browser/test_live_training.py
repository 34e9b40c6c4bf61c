"""Live training in a real JupyterLab: it moves, it is stopped by a click, and nothing leaks."""

import time
from pathlib import Path

import pytest

SMALL_RUNS = Path(__file__).resolve().parents[1]
CELLS = (
    f"""
import sys
sys.path.insert(0, {str(SMALL_RUNS)!r})
from small_runs import small_run
from transformer_course.widgets.training import train_live

run = small_run(num_steps=10**6, evaluate_every=100)
""",
    """
text = "<img src=x onerror='window.injected = true'></pre><script>window.injected = true</script>"
reports = await train_live(run, baselines={"ln V": 3.14, "5-gram": 2.9}, sample=lambda: text)
""",
    'print(f"the next cell ran after {run.step} steps, {len(reports)} were reported")',
)

pytestmark = pytest.mark.browser


def start_training(notebook_page):
    notebook_page.open("live.ipynb", [cell.strip() for cell in CELLS])
    notebook_page.run_all()
    stop = notebook_page.page.get_by_role("button", name="Stop training")
    stop.wait_for()
    return stop


def test_a_click_during_run_all_stops_the_training_and_the_next_cell_runs(notebook_page, tmp_path):
    page = notebook_page.page
    stop = start_training(notebook_page)
    page.get_by_text("Written after step").wait_for()
    picture = page.locator(".jupyter-widgets img")
    before = picture.get_attribute("src")
    page.wait_for_function(
        "before => document.querySelector('.jupyter-widgets img').src !== before", arg=before
    )
    assert picture.bounding_box()["width"] == pytest.approx(740)
    page.screenshot(path=tmp_path / "training.png")
    assert notebook_page.output(2).count() == 0

    clicked = time.monotonic()
    stop.click()
    page.get_by_text("the model is usable as it is").wait_for()
    seconds_to_stop = time.monotonic() - clicked

    notebook_page.wait_until_done()
    page.screenshot(path=tmp_path / "stopped.png")
    (tmp_path / "seconds_to_stop").write_text(f"{seconds_to_stop:.2f}", encoding="utf-8")
    assert seconds_to_stop < 5
    assert stop.is_disabled()
    assert "the next cell ran after" in notebook_page.output(2).inner_text()
    assert notebook_page.output(1).locator("img").count() == 1  # the picture that stays
    assert "Validation loss" in notebook_page.output(1).last.inner_text()
    assert page.evaluate("window.injected") is None
    assert notebook_page.errors == []
    assert notebook_page.outside == []


def test_the_button_can_be_pressed_without_a_mouse(notebook_page):
    start_training(notebook_page).press("Space")
    notebook_page.wait_until_done()
    assert "stopped after step" in notebook_page.output(1).first.inner_text()
    assert "the next cell ran after" in notebook_page.output(2).inner_text()
