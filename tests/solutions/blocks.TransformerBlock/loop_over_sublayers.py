"""Lists the sublayers with their residuals, and goes through the list."""


class TransformerBlock(nn.Module):
    def __init__(self, *, attention, attention_residual, feed_forward, feed_forward_residual):
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, **attending):
        steps = [
            (self.attention, self.attention_residual, attending),
            (self.feed_forward, self.feed_forward_residual, {}),
        ]
        kept = []
        for sublayer, residual, options in steps:
            answer = sublayer(residual.before(hidden), **options)
            if isinstance(answer, torch.Tensor):
                hidden = residual.after(hidden, answer)
            else:
                hidden = residual.after(hidden, answer.output)
                kept.append(answer.weights)
        return hidden, *kept
