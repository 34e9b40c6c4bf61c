"""What the checks of lesson 06 say of answers that are wrong in no known way is true."""

import pytest

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State

pytestmark = pytest.mark.usefixtures("unchecked")


def verdict(name, source):
    exercise = exercises()[name]
    return verdict_on(exercise, build(source, name, exercise.lent()))


def layer_that_ends_in(end, bias="True"):
    return f"""class MultiHeadSelfAttention(nn.Module):
    def __init__(self, d_model, num_heads, causal=False):
        super().__init__()
        self.num_heads, self.causal = num_heads, causal
        self.query = nn.Linear(d_model, d_model, bias={bias})
        self.key = nn.Linear(d_model, d_model, bias={bias})
        self.value = nn.Linear(d_model, d_model, bias={bias})
        self.output = nn.Linear(d_model, d_model, bias={bias})

    def forward(self, inputs):
        layers = self.query, self.key, self.value
        heads = [split_heads(layer(inputs), self.num_heads) for layer in layers]
        mask = causal_mask(inputs.shape[1]) if self.causal else None
        mixed, weights = scaled_dot_product_attention(*heads, mask)
        output = self.output(merge_heads(mixed))
        return {end}
"""


@pytest.mark.parametrize(
    ("end", "came"),
    [
        ("output", "one tensor, of shape (1, 3, 4)"),
        ("output, weights, mask", "3 results"),
        ("{'output': output, 'weights': weights}", "a dict"),
    ],
)
def test_a_layer_that_returns_no_pair_is_told_what_came_and_what_is_asked_for(end, came):
    found = verdict("multi_head.MultiHeadSelfAttention", layer_that_ends_in(end))
    assert found.state is State.NOT_YET
    assert found.seen.startswith(f"it returns {came}; two are asked for: output and weights (in")


@pytest.mark.parametrize("end", ["output, weights", "[output, weights]"])
def test_a_layer_that_returns_a_pair_passes(end):
    found = verdict("multi_head.MultiHeadSelfAttention", layer_that_ends_in(end))
    assert found.state is State.PASSED


def test_a_layer_without_biases_is_told_that_the_weights_do_not_fit():
    source = layer_that_ends_in("output, weights", bias="False")
    found = verdict("multi_head.MultiHeadSelfAttention", source)
    assert found.state is State.STOPPED
    assert "do not fit what `__init__` makes" in found.seen


@pytest.mark.parametrize("rest", ["1e-9", "silenced[:, own] * 1e-5", "math.nan"])
def test_columns_that_are_nearly_0_or_no_numbers_are_not_called_0(rest):
    found = verdict(
        "multi_head.silence_head",
        f"""def silence_head(output_weight, head, num_heads):
    silenced, d_head = output_weight.clone(), output_weight.shape[1] // num_heads
    own = slice(head * d_head, (head + 1) * d_head)
    silenced[:, own] = {rest}
    return silenced
""",
    )
    assert found.state is State.NOT_YET
    assert found.seen.startswith("column 0 belongs to head 0, and is not 0")
    assert ("the head's columns are 0", False) in found.checklist


def test_other_columns_that_are_no_numbers_are_not_called_as_before():
    found = verdict(
        "multi_head.silence_head",
        """def silence_head(output_weight, head, num_heads):
    silenced, d_head = output_weight * math.nan, output_weight.shape[1] // num_heads
    silenced[:, head * d_head : (head + 1) * d_head] = 0
    return silenced
""",
    )
    assert ("the other heads' columns are as before", False) in found.checklist


def test_room_of_another_type_is_told_where_the_type_comes_from():
    found = verdict(
        "multi_head.split_heads",
        """def split_heads(vectors, num_heads):
    batch, length, width = vectors.shape
    heads = torch.zeros(batch, num_heads, length, width // num_heads)
    for head in range(num_heads):
        heads[:, head] = vectors.unflatten(2, (num_heads, -1))[:, :, head]
    return heads
""",
    )
    assert found.seen.startswith(
        "it has dtype float32, expected float64 (`.float()` and new tensors are float32; "
        "`.to(x.dtype)` follows x)"
    )


def test_heads_that_are_handed_over_one_by_one_are_told_how_to_lay_them_together():
    found = verdict(
        "multi_head.split_heads",
        """def split_heads(vectors, num_heads):
    return vectors.chunk(num_heads, dim=2)
""",
    )
    assert found.state is State.NOT_YET
    assert found.seen.startswith(
        "it returns 2 things, one tensor is asked for (torch.stack lays tensors of one shape along"
    )


def test_a_layer_that_forgets_its_projections_is_told_which():
    source = layer_that_ends_in("output, weights").replace("layer(inputs)", "inputs")
    found = verdict("multi_head.MultiHeadSelfAttention", source)
    assert found.state is State.SLIP
    assert found.next_step.startswith("self.query, self.key and self.value are never used")
