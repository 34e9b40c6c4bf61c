"""Translations: what Python, numpy and torch say when something goes wrong, in plain words.

Each says no more than the original does, and where there is one, the usual way out.

Builds on: probing.  Lacks: a verdict on the answer (verdict).
"""

import re

from transformer_course.engine.probing import Raised

SHAPES = (
    (r"mat1 and mat2 shapes cannot be multiplied \((.+) and (.+)\)", r"\1 met \2 in a product"),
    (r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\).*dimension (\d+)",
     r"length \1 met length \2 on axis \3"),
    (r"matmul: .*size (\d+) is different from (\d+)", r"width \2 met \1 in a product"),
    (r"first two dimensions of batch2 tensor to be: (\[.+\]) but got: (\[.+\])\.",
     r"in a product of batches, batch and height of the second have to be \1, and are \2"),
    (r"could not be broadcast together with shapes (.+)", r"these shapes do not fit: \1"),
    (r"same number of dimensions: got (\d+) and (\d+)",
     r"tensors of \1 and of \2 axes cannot be joined; both need equally many"),
    (r"match except in dimension (\d+). Expected size (\d+) but got size (\d+)",
     r"joined along axis \1, all other axes must have equal lengths, and \2 met \3"),
    (r"shape of the mask (\[.*?\]) at index .* indexed tensor (\[.*?\])",
     r"as an index, a mask of shape \1 does not fit a tensor of shape \2; "
     r"masked_fill and torch.where widen the mask by themselves"),
    (r"index (-?\d+) is out of bounds for (?:dimension|axis) (\d+) with size (\d+)",
     r"index \1 is asked for on axis \2, whose length is \3"),
    (r"Dimension out of range .*\[(-?\d+), (-?\d+)\], but got (-?\d+)",
     r"there is no axis \3 here, only \1 to \2"),
    (r"axis (-?\d+) is out of bounds for array of dimension (\d+)",
     r"there is no axis \1 in an array of \2 axes"),
    (r"shape '(\[.*\])' is invalid for input of size (\d+)",
     r"\2 numbers cannot be arranged as \1"),
    (r"cannot reshape array of size (\d+) into shape (.+)",
     r"\1 numbers cannot be arranged as \2"),
    (r"view size is not compatible", r"view cannot join these axes; reshape can"),
    (r"transpose\(\) missing", r"torch's transpose asks for the two axes that change places"),
    (r"Expected target size (\[.+\]), got (\[.+\])",
     r"torch looks for the classes on axis 1, so it expected targets of shape \1 and got \2; "
     r"make one axis of all axes before the classes, in logits and targets"),
    (r"input batch_size \((\d+)\) to match target batch_size \((\d+)\)",
     r"scores for \1 questions met targets for \2; shape both alike"),
)  # fmt: skip

KINDS = (
    (r"not types\.SimpleNamespace|and 'types\.SimpleNamespace'",
     r"what was returned here holds its results by name, such as `.logits` or `.output`; "
     r"take one of them"),
    (r"truth value of an array with more|Boolean value of Tensor with more",
     r"several truth values stand where one is asked for; `~` turns every entry of a mask round, "
     r"`is not None` asks whether there is one"),
    (r"bad operand type for unary ~: 'NoneType'",
     r"`~` met None: no mask was given in this case; ask first, `if mask is not None`"),
    (r"bad operand type for unary (\S+): 'NoneType'", r"`\1` met None, where a number must stand"),
    (r"unsupported operand type\(s\) for (\S+): .*'torch.return_types.(max|min)'",
     r"`\1` met a pair: torch's \2 along an axis gives values and their places; take `.values`, "
     r"or a\2"),
    (r"unsupported operand type\(s\) for (\S+): (?:'NoneType'|.* and 'NoneType')",
     r"`\1` met None: what is not given in a case is None there; ask first, `is None`"),
    (r"slice indices must be integers",
     r"where a slice begins and ends has to be a whole number; 4 / 2 is 2.0, 4 // 2 is 2"),
    (r"Negation, the `-` operator, on a bool",
     r"`-` does not turn a mask around; `~` does"),
    (r"The numpy boolean negative", r"`-` does not turn a mask around; `~` does"),
    (r"numpy\(\) on Tensor that requires grad",
     r"numpy cannot carry gradients on; stay with torch's functions"),
    (r"leaf Variable that requires grad .* in-place",
     r"what was given would be changed in place, and gradients are asked of it; "
     r"make a new tensor"),
    (r"does not require grad and does not have a grad_fn",
     r"no gradient can flow from here: .item(), .detach(), numpy or torch.no_grad cut the link, "
     r"or requires_grad_() is missing where it begins"),
    (r"differentiated Tensors does not require grad",
     r"a gradient is asked by numbers that torch does not follow; requires_grad_() has it do so"),
    (r"grad can be implicitly created only for scalar outputs",
     r"a gradient is of one number, and several came; their sum is one"),
    (r"backward through the graph a second time",
     r"backward is called twice on one result; what it needs is gone after the first time"),
    (r"^step must be greater than zero",
     r"torch's tensors cannot be read backwards by [::-1]; .flip(0) turns axis 0 round"),
    (r"Only Tensors of floating point", r"only floating-point numbers can be learned, no integers"),
    (r"converted to Python scalars|can be converted to a Scalar",
     r"several numbers stand where one is asked for; torch.sqrt, torch.exp … take them all"),
    (r"expected m1 and m2 to have the same dtype, but got: (.+) != (.+)",
     r"numbers of type \1 met \2 in a product"),
    (r"expected scalar type (?:Float but found Double|Double but found Float)",
     r"32-bit numbers met 64-bit ones in a product; `.to(x.dtype)`, in the place of `.float()`, "
     r"makes the one like the other, x"),
    (r"must be tuple of ints, ?but got float",
     r"a shape takes whole numbers; 4 / 2 is 2.0, 4 // 2 is 2"),
    (r"Error\(s\) in loading state_dict for (\w+)",
     r"the weights that \1 is given do not fit what `__init__` makes: other names or sizes, or no "
     r"bias"),
    (r"before Module.__init__", r"super().__init__() has to come first"),
    (r"Module \[(\w+)\] is missing the required",
     r"a \1 cannot be called itself; it has methods that can"),
    (r"not enough values to unpack \(expected (\d+), got 1\)",
     r"\1 things are expected here, and 1 came (a tensor's chunk and split cut axis 0 if no other "
     r"is named)"),
    (r"not enough values to unpack \(expected (\d+), got (\d+)\)",
     r"\1 things are expected here, and \2 came"),
    (r"too many values to unpack \(expected (\d+)\)",
     r"\1 things are expected here, and more came"),
    (r"must be tuple of Tensors", r"what is to be joined belongs into one tuple or list"),
    (r"expected Tensor as element (\d+) .* but got (\w+)",
     r"what is to be joined has something else among its tensors: \2, at place \1, from 0"),
    (r"(\w+)\(\): argument '\w+' \(position \d+\) must be Tensor, not ([\w.]+)",
     r"`\1` takes a tensor, and \2 was given"),
)  # fmt: skip

NAMES = (
    (r"'torch.return_types.(\w+)' object", r"\1 along an axis returns values and their places, "
     r"a pair; `.values` are the first"),
    (r"'types.SimpleNamespace' object",
     r"what was returned here holds its results by name, such as `.logits` or `.output`; "
     r"take one of them"),
    (r"'NoneType' object has no attribute '(\w+)'", r"None stands where `\1` is asked of"),
    (r"'NoneType' object is not (\w+)", r"None stands where something \1 is needed"),
    (r"'numpy.ndarray' object has no attribute '(\w+)'", r"numpy's arrays have no `\1`"),
    (r"'Tensor' object has no attribute '(\w+)'", r"torch's tensors have no `\1`"),
    (r"'(\w+)' object has no attribute '(\w+)'", r"what stands here is of type \1, without `\2`"),
    (r"missing \d+ required positional arguments?: (.+)", r"it is called without \1"),
    (r"unexpected keyword argument '(\w+)'", r"it is called with `\1`, which it does not take"),
    (r"name '(\w+)' is not defined", r"`\1` has no value here"),
    (r"local variable '(\w+)' where it is not", r"`\1` is used before it has a value"),
)  # fmt: skip

PLAIN_WORDS = (*SHAPES, *KINDS, *NAMES)
"""Of the patterns that fit, the first counts."""


def in_plain_words(raised: Raised) -> str:
    """Say what an exception means; as it stands where no translation is known."""
    for pattern, words in PLAIN_WORDS:
        match = re.search(pattern, raised.message)
        if match:
            return match.expand(words)
    return f"{raised.type_name}: {raised.message}" if raised.message else raised.type_name
