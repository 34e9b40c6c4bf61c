"""Gives each sublayer a method that returns the stream, and chains them."""


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
        gathered, weights = self.gather(hidden, need_weights, attending)
        informed, cross_weights = self.look_up(gathered, memory, memory_mask, need_weights)
        return self.work(informed), weights, cross_weights

    def gather(self, stream, need_weights, attending):
        residual = self.attention_residual
        answer = self.attention(residual.before(stream), need_weights=need_weights, **attending)
        return residual.after(stream, answer.output), answer.weights

    def look_up(self, stream, memory, memory_mask, need_weights):
        residual = self.cross_attention_residual
        if residual is None:
            return stream, None
        answer = self.cross_attention(
            residual.before(stream), memory=memory, key_mask=memory_mask, need_weights=need_weights
        )
        return residual.after(stream, answer.output), answer.weights

    def work(self, stream):
        residual = self.feed_forward_residual
        return residual.after(stream, self.feed_forward(residual.before(stream)))
