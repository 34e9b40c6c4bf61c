"""Generation: one token after the other, each read together with all that came before.

Builds on: model, heads.  Lacks: chat templates (pretrained).
Source: Holtzman et al. 2020, section 3 (sampling).
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from transformer_course.heads import next_token_probabilities
from transformer_course.model import Transformer, TransformerOutput, evaluation_mode
from transformer_course.stack import KeyValueCache, Memory

PADDING_ID = 0
"""Fills the rows in front of shorter prompts; masked, so that any id would do."""


Choose = Callable[[Tensor], Tensor | None]


@runtime_checkable
class Readable(Protocol):
    """What can be read with: a model, or something that answers like one."""

    def new_cache(self, capacity: int) -> KeyValueCache:
        """Return a cache for so many tokens."""
        ...

    def __call__(self, ids: Tensor, *, cache: KeyValueCache) -> Any:  # noqa: ANN401
        """Read new tokens after those in the cache, and return an object with `logits`."""
        ...


def extend(
    model: Readable,
    ids: Int[Tensor, "batch length"],
    max_new_tokens: int,
    choose: Choose,
) -> Int[Tensor, "batch longer"]:
    """Read a text, then write it on, token by token, reading each new token once.

    Args:
        model: Reads new tokens after those in a cache.
        ids: What there is to read, in rows of equal length.
        max_new_tokens: Most tokens to write.
        choose: Is given the logits (batch, vocab) of what may follow, and returns one id a row
            (batch, 1), or None to end here.

    Returns:
        The ids, followed by what was written.
    """
    cache = model.new_cache(ids.shape[1] + max_new_tokens)
    newest = ids
    for _ in range(max_new_tokens):
        logits = model(newest, cache=cache).logits[:, -1]
        chosen = choose(logits)
        if chosen is None:
            break
        newest = chosen
        ids = torch.cat((ids, newest), dim=1)
    return ids


@torch.inference_mode()
def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    stop_ids: Collection[int] = (),
    generator: torch.Generator | None = None,
    memory: Memory | None = None,
    on_token: Callable[[int, int], None] | None = None,
    extend: Callable[[Readable, Tensor, int, Choose], Tensor] = extend,
    probabilities: Callable[..., Tensor] = next_token_probabilities,
) -> list[list[int]]:
    """Continue each prompt.

    A cache keeps the keys and values of what was read, so that a step costs one token and not
    the whole text. Where prompt and continuation outgrow the context, the older half of what is
    in view is forgotten and the rest read again.

    Args:
        model: A decoder, or an encoder–decoder together with its memory.
        prompts: Token ids, one or more in each; lengths may differ.
        max_new_tokens: Most tokens that are added to a prompt.
        temperature: See `next_token_probabilities`; 0 always takes the likeliest token.
        top_k: See `next_token_probabilities`.
        top_p: See `next_token_probabilities`.
        stop_ids: A row ends before the first of these; the other rows go on.
        generator: Draws the tokens, on the CPU.
        memory: What an encoder–decoder was given to read.
        on_token: Called with row and token as soon as a token is drawn.
        extend: The loop that writes, in place of the course's own `extend`.
        probabilities: What is drawn from, in place of the course's own `next_token_probabilities`.

    Returns:
        The new tokens of each row.

    Raises:
        ValueError: If the model cannot generate, or a prompt is empty.
    """
    _check(model, prompts, max_new_tokens)
    written: list[list[int]] = [[] for _ in prompts]
    running = set(range(len(prompts)))

    def choose(logits: Tensor) -> Tensor | None:
        scores = logits.float().cpu()
        shares = probabilities(scores, temperature, top_k, top_p)
        drawn = torch.multinomial(shares, 1, generator=generator)
        for row in sorted(running):
            token = int(drawn[row])
            if token in stop_ids:
                running.discard(row)
                continue
            written[row].append(token)
            if on_token is not None:
                on_token(row, token)
        # Rows that have ended are fed on, so that all stay of one length; nobody reads them.
        return drawn if running else None

    context = model.config.context_length
    ids = _padded(prompts)[:, -context:]
    view = min(context, ids.shape[1] + max_new_tokens)
    done = 0
    with evaluation_mode(model):
        while running and done < max_new_tokens:
            reader = _Reader(
                model, [ids.shape[1] - len(prompt) - done for prompt in prompts], memory
            )
            # The last token that is written is not read any more, and may lie beyond the view.
            turns = min(max_new_tokens - done, view - ids.shape[1] + 1)
            ids = extend(reader, ids, turns, choose)[:, -(view // 2) - 1 :]
            done += turns
    return written


def _padded(prompts: Sequence[Sequence[int]]) -> Tensor:
    """Pad shorter prompts in front: the newest token then stands last in every row."""
    length = max(map(len, prompts))
    return torch.tensor([[PADDING_ID] * (length - len(row)) + list(row) for row in prompts])


class _Reader:
    """A model as `extend` sees it: with the padding in front of each row, memory and device."""

    def __init__(self, model: Transformer, padding: Sequence[int], memory: Memory | None) -> None:
        self.model = model
        self.memory = memory
        self.device = next(model.parameters()).device
        self.padding = torch.tensor(padding, device=self.device)[:, None]

    def new_cache(self, capacity: int) -> KeyValueCache:
        """Return a cache of the model's."""
        return self.model.new_cache(capacity)

    def __call__(self, ids: Tensor, *, cache: KeyValueCache) -> TransformerOutput:
        """Read new tokens."""
        length = cache.length + ids.shape[1]
        real = torch.arange(length, device=self.device) >= self.padding
        return self.model(
            ids.to(self.device),
            padding_mask=None if real.all() else real,
            memory=self.memory,
            cache=cache,
        )


def _check(model: Transformer, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
    config = model.config
    if config.architecture == "encoder" or config.head != "language_model":
        raise ValueError(
            f"a model of architecture {config.architecture!r} with head {config.head!r} cannot "
            "generate; build a decoder with a language_model head"
        )
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens={max_new_tokens} must be 1 or more")
    if not prompts or not all(map(len, prompts)):
        raise ValueError(
            f"{len(prompts)} prompts of lengths {[len(prompt) for prompt in prompts]}: each needs "
            "at least one token to continue; start from a newline, for example"
        )
