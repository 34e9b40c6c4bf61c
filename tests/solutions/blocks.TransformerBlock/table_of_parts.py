"""Keeps its parts in a table of modules, under other names than the stub."""


class TransformerBlock(nn.Module):
    def __init__(
        self,
        *,
        attention,
        attention_residual,
        feed_forward,
        feed_forward_residual,
        cross_attention=None,
        cross_attention_residual=None,
    ):
        super().__init__()
        parts = {
            "self": attention,
            "self residual": attention_residual,
            "cross": cross_attention,
            "cross residual": cross_attention_residual,
            "work": feed_forward,
            "work residual": feed_forward_residual,
        }
        self.parts = nn.ModuleDict({name: part for name, part in parts.items() if part is not None})

    def forward(self, hidden, memory=None, memory_mask=None, *, need_weights=False, **attending):
        parts, weights = self.parts, {"self": None, "cross": None}
        options = {"self": ((), attending), "cross": ((memory,), {"key_mask": memory_mask})}
        for name, (arguments, named) in options.items():
            if name in parts:
                residual = parts[f"{name} residual"]
                answer = parts[name](
                    residual.before(hidden), *arguments, **named, need_weights=need_weights
                )
                hidden, weights[name] = residual.after(hidden, answer.output), answer.weights
        before = parts["work residual"].before(hidden)
        hidden = parts["work residual"].after(hidden, parts["work"](before))
        return hidden, weights["self"], weights["cross"]
