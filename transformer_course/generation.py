"""Generation: one token after the other, each read together with all that came before.

Builds on: model, heads.  Lacks: chat templates (pretrained).
Source: Holtzman et al. 2020, section 3 (sampling).
"""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from transformer_course.heads import next_token_probabilities
from transformer_course.model import Transformer, evaluation_mode
from transformer_course.stack import Memory

PADDING_ID = 0
"""Fills the rows in front of shorter prompts; masked, so that any id would do."""


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

    Returns:
        The new tokens of each row.

    Raises:
        ValueError: If the model cannot generate, or a prompt is empty.
    """
    _check(model, prompts, max_new_tokens)
    texts = [list(prompt) for prompt in prompts]
    window = _Window(model, texts, max_new_tokens, memory)
    running = set(range(len(texts)))
    with evaluation_mode(model):
        for _ in range(max_new_tokens):
            logits = window.next_logits().float().cpu()
            probabilities = next_token_probabilities(logits, temperature, top_k, top_p)
            drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0].tolist()
            running -= {row for row in running if drawn[row] in stop_ids}
            for row in sorted(running):
                texts[row].append(drawn[row])
                if on_token is not None:
                    on_token(row, drawn[row])
            if not running:
                break
            # Rows that have ended are fed on, so that all stay of one length; nobody reads them.
            window.append(drawn)
    return [text[len(prompt) :] for text, prompt in zip(texts, prompts, strict=True)]


class _Window:
    """The part of each text that the model has in view, and the cache of what it has read."""

    def __init__(
        self,
        model: Transformer,
        texts: Sequence[Sequence[int]],
        max_new_tokens: int,
        memory: Memory | None,
    ) -> None:
        self.model = model
        self.memory = memory
        context = model.config.context_length
        length = max(map(len, texts))
        # Shorter prompts are padded in front: the newest token then stands last in every row.
        self.ids = torch.full((len(texts), length), PADDING_ID)
        self.padding_mask = torch.zeros(len(texts), length, dtype=torch.bool)
        for row, text in enumerate(texts):
            self.ids[row, length - len(text) :] = torch.tensor(text)
            self.padding_mask[row, length - len(text) :] = True
        self._keep(context)
        self.capacity = min(context, self.ids.shape[1] + max_new_tokens)
        self.cache = model.new_cache(self.capacity)
        self.device = next(model.parameters()).device

    def next_logits(self) -> Tensor:
        """Read what is new and score the tokens that may follow."""
        new_ids = self.ids[:, self.cache.length :]
        output = self.model(
            new_ids.to(self.device),
            padding_mask=None if self.padding_mask.all() else self.padding_mask.to(self.device),
            memory=self.memory,
            cache=self.cache,
        )
        return output.logits[:, -1]

    def append(self, drawn: Sequence[int]) -> None:
        """Add one token to each row; forget the older half first where the context is full."""
        if self.ids.shape[1] == self.capacity:
            self._keep(self.capacity // 2)
            self.cache = self.model.new_cache(self.capacity)
        self.ids = torch.cat((self.ids, torch.tensor(drawn)[:, None]), dim=1)
        self.padding_mask = torch.nn.functional.pad(self.padding_mask, (0, 1), value=True)

    def _keep(self, length: int) -> None:
        self.ids = self.ids[:, -length:]
        self.padding_mask = self.padding_mask[:, -length:]


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
