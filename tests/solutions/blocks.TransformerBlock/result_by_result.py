"""Names every stage of the stream, and what attention takes besides."""


class TransformerBlock(nn.Module):
    def __init__(self, *, attention, attention_residual, feed_forward, feed_forward_residual):
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, *, need_weights=False, **attending):
        asked = self.attention(
            self.attention_residual.before(hidden), need_weights=need_weights, **attending
        )
        gathered = self.attention_residual.after(hidden, asked.output)
        return self.finish(gathered), asked.weights if need_weights else None

    def finish(self, stream):
        worked = self.feed_forward(self.feed_forward_residual.before(stream))
        return self.feed_forward_residual.after(stream, worked)
