"""Says the pattern once, as an inner function, and hands it the sublayer."""


class TransformerBlock(nn.Module):
    def __init__(self, *, attention, attention_residual, feed_forward, feed_forward_residual):
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, **attending):
        def through(stream, residual, sublayer):
            answer = sublayer(residual.before(stream))
            update = getattr(answer, "output", answer)
            return residual.after(stream, update), getattr(answer, "weights", None)

        def attend(inputs):
            return self.attention(inputs, **attending)

        hidden, weights = through(hidden, self.attention_residual, attend)
        hidden, _ = through(hidden, self.feed_forward_residual, self.feed_forward)
        return hidden, weights
