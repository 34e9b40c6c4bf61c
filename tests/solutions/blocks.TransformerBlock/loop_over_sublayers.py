"""Lists the sublayers with their residuals, and goes through the list."""


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
        self.attention = attention
        self.attention_residual = attention_residual
        self.cross_attention = cross_attention
        self.cross_attention_residual = cross_attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, memory=None, memory_mask=None, *, need_weights=False, **attending):
        crossing = {"memory": memory, "key_mask": memory_mask, "need_weights": need_weights}
        attending["need_weights"] = need_weights
        steps = [
            (self.attention, self.attention_residual, attending),
            (self.cross_attention, self.cross_attention_residual, crossing),
            (self.feed_forward, self.feed_forward_residual, {}),
        ]
        kept = []
        for sublayer, residual, options in steps:
            if sublayer is None:
                kept.append(None)
                continue
            answer = sublayer(residual.before(hidden), **options)
            if isinstance(answer, torch.Tensor):
                hidden = residual.after(hidden, answer)
            else:
                hidden = residual.after(hidden, answer.output)
                kept.append(answer.weights)
        return hidden, *kept
