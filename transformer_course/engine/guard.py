"""Guards around an answer that runs: it ends in time, and it does not call what it is to replace.

Builds on: nothing.  Lacks: protection against malice; answers that are graded run in a process
of their own.
"""

import ctypes
import inspect
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import CodeType, FrameType
from typing import Any

AGAIN_SECONDS = 0.1
TURNS = 10_000
"""Python raises what another thread sent at the end of a loop's turn, so this many are plenty."""


class TimeUp(BaseException):
    """The time is up. No `Exception`, so that an answer's own `except` does not swallow it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeUp` in this thread once the time is up, and again until it gets through.

    Another thread watches the clock, which works on every platform and in every thread, where
    signals do not. What a single call of compiled code takes cannot be cut short, and an answer
    that collects all exceptions it catches may hold out.
    """
    watch = _Watch(seconds)
    try:
        watch.start()
        yield
    finally:
        # Nothing is called before these two are done, so nothing can come between: Python raises
        # what another thread sent at calls and at the ends of loops. Of those sent before, one may
        # wait and one be on its way: two are all that can still hit, each of them in here.
        watch.over = True
        del watch.time_up.__del__
        try:
            watch.end()
        except TimeUp:
            try:  # noqa: SIM105 (`suppress` would be called, and could be hit)
                watch.end()
            except TimeUp:
                pass
    if watch.sent.is_set():
        raise TimeUp


class _Watch(threading.Thread):
    """Sends `TimeUp` to the thread that made it, until that says that it has finished."""

    def __init__(self, seconds: float) -> None:
        super().__init__(daemon=True)
        self.seconds = seconds
        watched = ctypes.c_ulong(threading.get_ident())
        # One that a bare `except` swallows sends another as it dies, which is just behind that
        # `except`: even a loop that does nothing but swallow comes to its end. A function written
        # in Python could not send it, since it would be the first that it hits.
        self.time_up: Any = type("TimeUp", (TimeUp,), {})
        self.send = partial(
            ctypes.pythonapi.PyThreadState_SetAsyncExc, watched, ctypes.py_object(self.time_up)
        )
        self.time_up.__del__ = staticmethod(self.send)  # type: ignore[attr-defined]
        self.over = False
        self.gate, self.finished, self.sent = threading.Lock(), threading.Event(), threading.Event()

    def run(self) -> None:
        """Wait, then send, again and again."""
        wait = self.seconds
        while not self.finished.wait(wait) and not self.over:
            with self.gate:
                if not self.over:
                    self.sent.set()
                    self.send()
            wait = AGAIN_SECONDS

    def end(self) -> None:
        """Let the watching thread end, and what it has sent arrive."""
        with self.gate:
            self.finished.set()
        if self.sent.is_set():
            # One that is still on its way must not hit whatever comes next: wait for it here.
            for _ in range(TURNS):
                pass


@contextmanager
def calls_noted(callables: Sequence[Any]) -> Iterator[list[str]]:
    """Note which of these are called in this thread, under whatever name.

    Nothing is patched: Python tells a profiling function of every call, and code objects and
    built-in functions are recognised by identity. A class stands for the methods it defines.
    """
    codes: dict[CodeType, str] = {}
    compiled: list[tuple[Any, str]] = []
    for watched in callables:
        name = f"{watched.__module__}.{watched.__qualname__}".removeprefix("None.")
        found = list(_codes(watched))
        codes.update(dict.fromkeys(found, name))
        if not found:
            compiled.append((watched, name))
    noted: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code in codes:
            noted.append(codes[frame.f_code])
        elif event == "c_call":
            noted.extend(name for function, name in compiled if argument == function)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield noted
    finally:
        # A profiler in C, such as %prun, cannot be put back: it ends here, and the check goes on.
        sys.setprofile(before if callable(before) else None)


def _codes(forbidden: Any) -> Iterator[CodeType]:
    """Yield the code of a function, or of each method that a class itself defines."""
    members = vars(forbidden).values() if inspect.isclass(forbidden) else [forbidden]
    for member in members:
        function = inspect.unwrap(getattr(member, "__func__", member))
        if inspect.isfunction(function):
            yield function.__code__
