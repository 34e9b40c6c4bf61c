"""What goes wrong in a training step.

Builds on: engine.  Lacks: the exercise itself (training).
"""

from transformer_course.engine.exercise import Mistake

MISTAKES = (
    Mistake(
        "the gradients are never cleared",
        "backward() adds to what is there. What is there at the second step?",
        {"        optimizer.zero_grad(set_to_none=True)\n": ""},
        source="trap 22",
    ),
    Mistake(
        "the gradients are cleared before they are used",
        "What does step() read? Is it still there?",
        {
            "        optimizer.step()\n        optimizer.zero_grad(set_to_none=True)\n": (
                "        optimizer.zero_grad(set_to_none=True)\n        optimizer.step()\n"
            )
        },
    ),
    Mistake(
        "no optimiser steps",
        "The gradients say where to go. Who goes there?",
        {"        optimizer.step()\n": ""},
    ),
    Mistake(
        "the gradients are cleared between the batches, so that only the last counts",
        "backward() adds to what is there, and here that is wanted. When is it used up?",
        {"        loss.backward()\n": ("        model.zero_grad()\n        loss.backward()\n")},
    ),
    Mistake(
        "the batches' gradients are added up, not averaged",
        "With twice as many batches, should a step be twice as long?",
        {" / len(batches)": "", "return total,": "return total / len(batches),"},
        source="https://github.com/huggingface/transformers/pull/34191",
    ),
    Mistake(
        "the gradient is not clipped",
        "How long may it be at most? Which argument says so?",
        {"(model.parameters(), clip_norm)": '(model.parameters(), float("inf"))'},
    ),
    Mistake(
        "the gradient is clipped after each batch, not once",
        "The mean over the batches is what is to be shortened. When is it complete?",
        {
            "    gradient_norm = nn.utils": "        gradient_norm = nn.utils",
        },
    ),
    Mistake(
        "every batch makes a step of its own",
        "Several batches stand for one large one. How many updates does that make?",
        {
            "        total += loss.item()\n": (
                "        total += loss.item()\n"
                "        for optimizer in optimizers:\n            optimizer.step()\n"
            ),
            "        optimizer.step()\n        optimizer.zero": "        optimizer.zero",
        },
    ),
    Mistake(
        "the targets are shifted a second time",
        "The batch's targets already are the next tokens. Which token is asked for now?",
        {
            "model(batch.inputs).logits, batch.targets": (
                "model(batch.inputs).logits[:, :-1], batch.targets[:, 1:]"
            )
        },
        source="trap 6",
    ),
    Mistake(
        "the two numbers are returned in the wrong order",
        "First the loss, then the gradient's length.",
        {"return total, gradient_norm.item()": "return gradient_norm.item(), total"},
    ),
    Mistake(
        "the losses of the batches are added up, not averaged",
        "With twice as many batches, is the model twice as bad?",
        {"total += loss.item()": "total += loss.item() * len(batches)"},
    ),
    Mistake(
        "only the first batch is read",
        "Which gradient does the step use, if there are several batches?",
        {"for batch in batches:": "for batch in batches[:1]:", " / len(batches)": ""},
    ),
    Mistake(
        "only the first optimiser steps",
        "There may be several, each with some of the parameters. Who moves the others?",
        {"for optimizer in optimizers:": "for optimizer in optimizers[:1]:"},
    ),
    Mistake(
        "the loss of the last batch alone is returned",
        "The mean over all batches is asked for. What has to be added up?",
        {"total += loss.item()": "total = loss.item() * len(batches)"},
        source="trap 26",
    ),
)
