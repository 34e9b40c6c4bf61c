"""Which device the lessons compute on."""

import pytest
import torch

from transformer_course.device import default_device

VARIABLE = "TRANSFORMER_COURSE_DEVICE"


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_fastest_device_there_is_comes_first(monkeypatch, cuda, mps, expected):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert default_device() == torch.device(expected)


def test_the_learners_choice_wins(monkeypatch):
    monkeypatch.setenv(VARIABLE, "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert default_device() == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:1000"])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name):
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(ValueError, match=rf"{VARIABLE}='{name}' is not a device.+set it to cpu"):
        default_device()
