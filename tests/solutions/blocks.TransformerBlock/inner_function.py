"""Says the pattern once, as an inner function, and hands it the sublayer."""


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
        def through(stream, residual, sublayer):
            answer = sublayer(residual.before(stream))
            update = getattr(answer, "output", answer)
            return residual.after(stream, update), getattr(answer, "weights", None)

        def look_up(inputs):
            return self.cross_attention(
                inputs, memory, key_mask=memory_mask, need_weights=need_weights
            )

        hidden, weights = through(
            hidden,
            self.attention_residual,
            lambda inputs: self.attention(inputs, need_weights=need_weights, **attending),
        )
        cross_weights = None
        if self.cross_attention is not None:
            hidden, cross_weights = through(hidden, self.cross_attention_residual, look_up)
        hidden, _ = through(hidden, self.feed_forward_residual, self.feed_forward)
        return hidden, weights, cross_weights
