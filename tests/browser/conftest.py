"""What browser tests share: a JupyterLab of their own, and a notebook open in Chromium.

Nothing leaves the machine: each page notes every request to another host, and every error on the
browser's console, for the test to look at.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Locator, Page, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_VARIABLE = "TRANSFORMER_COURSE_BROWSER"
SLOW = 60_000  # milliseconds: on a busy machine a kernel alone takes ten seconds to start
WIDTHS = (1200, 960, 640)
TO_SETTLE = 5  # seconds for a page in a new window, on a busy machine
STANDING_OUT = """
(output, parts) => {
  const room = output.getBoundingClientRect();
  return [...output.querySelectorAll(parts)]
    .filter(part => part.checkVisibility())
    .filter(part => {
      const box = part.getBoundingClientRect();
      return box.left < room.left || box.right > room.right;
    })
    .map(part => part.outerHTML.slice(0, 80));
}
"""
QUIET_SETTINGS = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


class Lab:
    """A JupyterLab that serves one folder on a free port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        self.token = secrets.token_hex(16)
        self._runtime = folder / "runtime"
        self._log = folder / "lab.log"
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        notifications = settings / "notification.jupyterlab-settings"
        notifications.write_text(json.dumps(QUIET_SETTINGS), encoding="utf-8")
        variables = {
            "IPYTHONDIR": folder / "ipython",
            "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
            "JUPYTER_CONFIG_DIR": folder / "config",
            "JUPYTER_DATA_DIR": folder / "data",
            "JUPYTER_RUNTIME_DIR": self._runtime,
        }
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
            f"--ServerApp.root_dir={self.notebooks}",
            f"--IdentityProvider.token={self.token}",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **{name: str(path) for name, path in variables.items()}},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def url(self) -> str:
        """Wait until it serves, and return where."""
        deadline = time.monotonic() + SLOW / 1000
        while time.monotonic() < deadline and self._process.poll() is None:
            for description in self._runtime.glob("jpserver-*.json"):
                try:
                    return json.loads(description.read_text(encoding="utf-8"))["url"]
                except ValueError:
                    pass  # it is just being written
            time.sleep(0.05)
        pytest.fail(f"JupyterLab did not start:\n{self._log.read_text(encoding='utf-8')[-3000:]}")

    def stop(self) -> None:
        """End it together with its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class NotebookPage:
    """A notebook that is open in the browser."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.errors: list[str] = []
        self.outside: list[str] = []
        page.set_default_timeout(SLOW)
        page.on("console", lambda line: line.type == "error" and self.errors.append(line.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))

    def open(self, name: str, cells: Sequence[str]) -> None:
        """Write a notebook of these cells, open it, and wait for its kernel."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(
            cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
        )
        nbformat.write(notebook, self.lab.notebooks / name)
        self.page.goto(f"{self.lab.url()}lab/tree/{name}?token={self.lab.token}")
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    def run_all(self) -> None:
        """Choose Run All Cells from the menu."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()

    def wait_until_done(self) -> None:
        """Wait until no cell runs or waits to run."""
        self.page.wait_for_function(
            "() => ![...document.querySelectorAll('.jp-InputPrompt')]"
            ".some(prompt => prompt.textContent.includes('*'))"
        )

    def output(self, cell: int) -> Locator:
        """Return the outputs of a cell, counted from 0."""
        return self.page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")

    def sticking_out(self, cell: int, parts: str) -> list[str]:
        """Return the parts of a cell's output that stand out of it, in windows of three widths."""
        output, standing_out = self.output(cell).first, []
        expect(output.locator(parts).first).to_be_visible()
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 1000})
            deadline = time.monotonic() + TO_SETTLE
            self.page.wait_for_timeout(300)  # of old widths all would fit
            while (found := output.evaluate(STANDING_OUT, parts)) and time.monotonic() < deadline:
                self.page.wait_for_timeout(50)
            standing_out += [f"{width}: {part}" for part in found]
        return standing_out

    def _note(self, url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).hostname != "127.0.0.1":
            self.outside.append(url)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Return the Chromium that the tests drive."""
    chosen = os.environ.get(BROWSER_VARIABLE)
    found = chosen or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no Chromium on the PATH: install one, or set {BROWSER_VARIABLE} to its path")
    return found


@pytest.fixture(scope="module")
def lab(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start a JupyterLab for the tests of one module: it remembers what was open in it."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.stop()


@pytest.fixture
def notebook_page(lab: Lab, browser_path: str) -> Iterator[NotebookPage]:
    """Open a browser with a fresh profile; a notebook is opened in it by the test."""
    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield NotebookPage(browser.new_page(viewport={"width": 1200, "height": 1000}), lab)
        browser.close()
