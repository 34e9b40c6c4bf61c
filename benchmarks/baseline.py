"""The opponent: a plain, not slow GPT, trained as small CPU trainers usually are.

Written for the benchmark alone and sharing no code with the course's package, so that the
contest is between two implementations: layer norm without bias, learned positions, one matrix for
queries, keys and values, fused attention, GELU, tied embedding, AdamW with warm-up and cosine.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

CONTEXT, WIDTH, LAYERS, HEADS = 64, 128, 4, 4
BATCH, STEPS, WARMUP = 12, 2_000, 100
PEAK_RATE, FINAL_RATE = 1e-3, 1e-4


class Block(nn.Module):
    """Attention and feed-forward, each after a layer norm and added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(WIDTH, bias=False)
        self.norm_2 = nn.LayerNorm(WIDTH, bias=False)
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.mix = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, length, width) to the same shape."""
        batch, length, _ = x.shape
        projected = self.query_key_value(self.norm_1(x)).view(batch, length, 3, HEADS, -1)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(attended.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.down(functional.gelu(self.up(self.norm_2(x))))


class Baseline(nn.Module):
    """A decoder of four blocks with a tied embedding."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                writes = name.endswith(("mix.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / (math.sqrt(2 * LAYERS) if writes else 1))

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits of the next token at every position."""
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        return functional.linear(self.norm(self.blocks(x)), self.tokens.weight)


class BaselineRun:
    """The baseline's training, a step at a time."""

    def __init__(self, ids: Tensor, vocab_size: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.ids = ids
        self.model = Baseline(vocab_size)
        self.generator = torch.Generator().manual_seed(seed)
        matrices = [p for p in self.model.parameters() if p.ndim == 2]
        gains = [p for p in self.model.parameters() if p.ndim == 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}],
            lr=PEAK_RATE,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.done = 0

    def step(self) -> None:
        """Draw a batch and take one step."""
        rate = PEAK_RATE * (self.done + 1) / WARMUP
        if self.done >= WARMUP:
            progress = (self.done - WARMUP) / (STEPS - WARMUP)
            fall = (1 + math.cos(math.pi * progress)) / 2
            rate = FINAL_RATE + fall * (PEAK_RATE - FINAL_RATE)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(self.ids) - CONTEXT, (BATCH, 1), generator=self.generator)
        windows = self.ids[starts + torch.arange(CONTEXT + 1)]
        logits = self.model(windows[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.done += 1
