"""Output heads: what the transformer's vectors are turned into, and how good the answer is.

Builds on: embeddings, multi_head.  Lacks: the body that the heads stand on (blocks, model).
Source: Vaswani et al. 2017, section 3.4 (logits); Holtzman et al. 2020 (top-p);
Fan et al. 2018 (top-k); Press and Wolf 2017 (tied embedding).
"""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

IGNORED_TARGET = -100
"""A target with this value does not count towards the loss (padding, a prompt)."""


class LanguageModelHead(nn.Module):
    """Scores every token of the vocabulary as the next one: one dot product a token.

    Args:
        d_model: Width of the hidden vectors.
        vocab_size: Number of scores.
        tied_to: The embedding's table, to score tokens by the very vectors that stand for them.
    """

    def __init__(
        self, d_model: int, vocab_size: int, *, tied_to: nn.Parameter | None = None
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(d_model, vocab_size, bias=False)
        if tied_to is not None:
            self.projection.weight = tied_to

    def forward(
        self,
        hidden: Float[Tensor, "batch length d_model"],
        padding_mask: Bool[Tensor, "batch length"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch length vocab"]:
        """Return one logit a token of the vocabulary, at every position (padding too)."""
        return self.projection(hidden)


class ClassificationHead(nn.Module):
    """Sums a sequence up in one vector and scores the classes.

    Args:
        d_model: Width of the hidden vectors.
        num_classes: Number of classes.
        pooling: "mean" over the real tokens, the "first", or the "last" real token (the only one
            that has seen the whole sequence in a causal model); or a function like `mean_pooling`.

    Raises:
        ValueError: If there is no pooling of that name.
    """

    def __init__(self, d_model: int, num_classes: int, pooling: "str | Pooling" = "mean") -> None:
        super().__init__()
        if isinstance(pooling, str) and pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling!r} is unknown; choose one of {list(POOLINGS)}")
        self.pool = POOLINGS[pooling] if isinstance(pooling, str) else pooling
        self.projection = nn.Linear(d_model, num_classes)

    def forward(
        self,
        hidden: Float[Tensor, "batch length d_model"],
        padding_mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch num_classes"]:
        """Return one logit a class; padding does not count."""
        if padding_mask is None:
            padding_mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        return self.projection(self.pool(hidden, padding_mask))


def mean_pooling(
    hidden: Float[Tensor, "batch length d_model"], padding_mask: Bool[Tensor, "batch length"]
) -> Float[Tensor, "batch d_model"]:
    """Average the real tokens of each sequence.

    Raises:
        ValueError: If the mask does not fit, or a sequence has no real token.
    """
    check_padding_mask(hidden, padding_mask)
    real = padding_mask[..., None].to(hidden.dtype)
    return (hidden * real).sum(1) / real.sum(1)


def first_pooling(
    hidden: Float[Tensor, "batch length d_model"], padding_mask: Bool[Tensor, "batch length"]
) -> Float[Tensor, "batch d_model"]:
    """Take the first real token; raises as `mean_pooling` does."""
    check_padding_mask(hidden, padding_mask)
    return hidden[torch.arange(len(hidden)), padding_mask.int().argmax(1)]


def last_pooling(
    hidden: Float[Tensor, "batch length d_model"], padding_mask: Bool[Tensor, "batch length"]
) -> Float[Tensor, "batch d_model"]:
    """Take the last real token; raises as `mean_pooling` does."""
    check_padding_mask(hidden, padding_mask)
    from_the_end = padding_mask.flip(1).int().argmax(1)
    return hidden[torch.arange(len(hidden)), hidden.shape[1] - 1 - from_the_end]


Pooling = Callable[[Tensor, Tensor], Tensor]
POOLINGS: Mapping[str, Pooling] = {
    "mean": mean_pooling,
    "first": first_pooling,
    "last": last_pooling,
}


def check_padding_mask(hidden: Tensor, padding_mask: Tensor) -> None:
    """Refuse a mask that does not say of each token whether it is real, or leaves none."""
    if padding_mask.shape != hidden.shape[:2]:
        raise ValueError(
            f"padding_mask has shape {tuple(padding_mask.shape)}, expected "
            f"{tuple(hidden.shape[:2])}: one entry a token"
        )
    real = padding_mask.any(1)
    if not real.all():
        raise ValueError(
            f"sequence {int(real.int().argmin())} has no real token: all "
            f"{padding_mask.shape[1]} entries of its padding_mask are False; leave it out"
        )


def cross_entropy(
    logits: Float[Tensor, "*batch classes"], targets: Int[Tensor, "*batch"]
) -> Float[Tensor, ""]:
    """Average −log p(target), in nats; targets of −100 do not count.

    Raises:
        ValueError: If the shapes do not fit, a target is no class, or no target counts.
    """
    check_targets(logits, targets)
    counts = targets != IGNORED_TARGET
    chosen = targets.masked_fill(~counts, 0)
    losses = -logits.log_softmax(-1).gather(-1, chosen[..., None]).squeeze(-1)
    return losses.masked_fill(~counts, 0.0).sum() / counts.sum()


def check_targets(logits: Tensor, targets: Tensor) -> None:
    """Refuse targets that do not fit the logits, are no classes, or all do not count."""
    num_classes = logits.shape[-1]
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"logits {tuple(logits.shape)} need targets {tuple(logits.shape[:-1])}, "
            f"given {tuple(targets.shape)}; one target a position"
        )
    counted = targets[targets != IGNORED_TARGET]
    if not len(counted):
        raise ValueError(
            f"none of the {targets.numel()} targets counts (all are {IGNORED_TARGET}); "
            "give at least one real target"
        )
    if not 0 <= int(counted.min()) <= int(counted.max()) < num_classes:
        outside = next(t for t in counted.tolist() if not 0 <= t < num_classes)
        raise ValueError(
            f"target {outside} is none of the {num_classes} classes 0 to {num_classes - 1}; "
            f"use {IGNORED_TARGET} for positions that do not count"
        )


def perplexity(loss: float) -> float:
    """Turn nats a token into "as unsure as between this many equally likely tokens": e^loss."""
    return math.exp(loss) if loss < 700 else math.inf


def bits_per_character(loss: float, num_tokens: int, num_characters: int) -> float:
    """Turn nats a token into bits a character, which models of any tokens share.

    Args:
        loss: Mean of −ln p over the tokens of a text.
        num_tokens: How many tokens that mean was taken over.
        num_characters: How many characters those tokens stand for.

    Raises:
        ValueError: If a count is not above 0, or the loss is negative or NaN.
    """
    check_text_counts(loss, num_tokens, num_characters)
    return loss * num_tokens / num_characters / math.log(2)


def check_text_counts(loss: float, num_tokens: int, num_characters: int) -> None:
    """Refuse what no text can have."""
    if min(num_tokens, num_characters) < 1:
        raise ValueError(
            f"{num_tokens} tokens of {num_characters} characters: give a text of 1 or more of each"
        )
    if not loss >= 0:
        raise ValueError(
            f"loss={loss} is not a number of at least 0; give a mean of −ln p, in nats"
        )


def next_token_probabilities(
    logits: Float[Tensor, "*batch vocab"],
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
) -> Float[Tensor, "*batch vocab"]:
    """Turn logits into the probabilities that the next token is drawn from.

    Args:
        logits: Scores of the vocabulary; −inf forbids a token.
        temperature: Divides the logits: below 1 sharper, above 1 flatter, 0 is greedy.
        top_k: Keep only the k most likely tokens.
        top_p: Keep only the smallest set of most likely tokens that holds this probability.

    Returns:
        Probabilities that sum to 1 again after each cut.

    Raises:
        ValueError: If a control is outside its range, a logit is NaN or +inf, or all are −inf.
    """
    check_sampling(logits, temperature, top_k, top_p)
    # 0, and what is too small to divide by.
    if temperature < torch.finfo(logits.dtype).tiny:
        return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
    if top_k is not None and top_k < logits.shape[-1]:
        kept = logits.topk(top_k).indices
        logits = torch.full_like(logits, -math.inf).scatter(-1, kept, logits.gather(-1, kept))
    # Softmax is the same after subtracting the largest; a low temperature then cannot overflow.
    probabilities = ((logits - logits.amax(-1, keepdim=True)) / temperature).softmax(-1)
    if top_p < 1:
        descending, order = probabilities.sort(descending=True, stable=True)
        # A token stays if those before it hold less than top_p.
        stays = descending.cumsum(-1) - descending < top_p
        stays[..., 0] = True
        nucleus = torch.zeros_like(probabilities).scatter(-1, order, descending * stays)
        probabilities = nucleus / nucleus.sum(-1, keepdim=True)
    return probabilities


def check_sampling(logits: Tensor, temperature: float, top_k: int | None, top_p: float) -> None:
    """Refuse controls outside their range, and logits of which no largest can be found."""
    # Written so that NaN, which compares false with everything, is refused as well.
    if not 0 <= temperature < math.inf:
        raise ValueError(
            f"temperature={temperature} is not a number of at least 0; "
            "choose 0 for greedy, 1 for the model's own probabilities"
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k={top_k} keeps no token; choose 1 or more, or leave it out")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p} is outside (0, 1]; choose 1 to keep every token")
    largest = logits.amax(-1)
    if not largest.isfinite().all():
        found = largest[~largest.isfinite()][0].item()
        raise ValueError(
            f"the largest logit is {found}, expected a finite number; −inf means that every token "
            "is forbidden, and for NaN or inf look for an overflow in training (a learning rate "
            "too high) or a damaged checkpoint"
        )
