"""Names every stage of the stream, and decides about the memory by the memory itself."""


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
        asked = self.attention(
            self.attention_residual.before(hidden), need_weights=need_weights, **attending
        )
        after_self = self.attention_residual.after(hidden, asked.output)
        if memory is None:
            return self.finish(after_self), asked.weights, None
        found = self.cross_attention(
            self.cross_attention_residual.before(after_self),
            memory,
            key_mask=memory_mask,
            need_weights=need_weights,
        )
        after_cross = self.cross_attention_residual.after(after_self, found.output)
        return self.finish(after_cross), asked.weights, found.weights

    def finish(self, stream):
        worked = self.feed_forward(self.feed_forward_residual.before(stream))
        return self.feed_forward_residual.after(stream, worked)
