"""Guards around an answer that runs: it ends in time, and it does not call what it is to replace.

Builds on: nothing.  Lacks: protection against malice; answers that are graded run in a process
of their own.
"""

import ctypes
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import CodeType, FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")

AGAIN_SECONDS = 0.1
TURNS = 10_000
"""Python raises what another thread sent at the end of a loop's turn, so this many are plenty."""


class TimeUp(BaseException):
    """The time is up. No `Exception`, so that an answer's own `except` does not swallow it."""


def within(seconds: float, function: Callable[[], Result]) -> Result:
    """Call a function and return what it returns, unless the time is up before.

    Another thread watches the clock, which works on every platform and in every thread, where
    signals do not. What a single call of compiled code takes cannot be cut short, and an answer
    that collects all exceptions it catches may hold out.

    Raises:
        TimeUp: If the function has not returned in time.
    """
    watch = _Watch(seconds)
    watch.start()
    late: list[BaseException] = []
    result: list[Result] = []
    # The last one sent may arrive at any place after the function's own end. It is caught here,
    # and held on to, since the end of one sends the next; from then on none is sent.
    try:
        try:
            try:
                result.append(_inside(watch, function))
            finally:
                watch.end()
        except watch.time_up as error:
            late.append(error)
            watch.end()
    except watch.time_up as error:
        late.append(error)
        watch.end()
    if watch.sent.is_set():
        raise TimeUp
    return result[0]


def _inside(watch: "_Watch", function: Callable[[], Result]) -> Result:
    """Call the function below a frame by which the watch sees that it still runs."""
    watch.frame = sys._getframe()
    return function()


class _Watch(threading.Thread):
    """Sends `TimeUp` to the thread that made it, as long as that is at work on the function."""

    def __init__(self, seconds: float) -> None:
        super().__init__(daemon=True)
        self.seconds = seconds
        self.frame: FrameType | None = None
        self._watched = threading.get_ident()
        # One that a bare `except` swallows sends another as it dies, which is just behind that
        # `except`: even a loop that does nothing but swallow comes to its end. A function written
        # in Python could not send it, since it would be the first that it hits.
        self.time_up: Any = type("TimeUp", (TimeUp,), {})
        self._send = partial(
            ctypes.pythonapi.PyThreadState_SetAsyncExc,
            ctypes.c_ulong(self._watched),
            ctypes.py_object(self.time_up),
        )
        self.time_up.__del__ = staticmethod(self._send)  # type: ignore[attr-defined]
        self._gate, self._finished = threading.Lock(), threading.Event()
        self.sent = threading.Event()

    def run(self) -> None:
        """Wait, then send, again and again while the function runs."""
        wait = self.seconds
        while not self._finished.wait(wait):
            with self._gate:
                if self._is_left() or self._finished.is_set():
                    return
                if self.frame is not None:
                    self.sent.set()
                    self._send()
            wait = AGAIN_SECONDS

    def _is_left(self) -> bool:
        """Whether the watched thread has been in the function, and is no more."""
        frame = sys._current_frames().get(self._watched)
        while frame is not None and frame is not self.frame:
            frame = frame.f_back
        return self.frame is not None and frame is None

    def end(self) -> None:
        """Send no more."""
        with self._gate:
            if "__del__" in vars(self.time_up):
                del self.time_up.__del__
            self._finished.set()
        self.frame = None
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
        # Where torch keeps what is compiled is not where it is called by.
        name = name.replace("._VariableFunctionsClass.", ".").replace("._C._nn.", ".nn.functional.")
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
