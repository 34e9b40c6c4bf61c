"""Gives each sublayer a method that returns the stream, and chains them."""


class TransformerBlock(nn.Module):
    def __init__(self, *, attention, attention_residual, feed_forward, feed_forward_residual):
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, **attending):
        gathered, weights = self.gather(hidden, attending)
        return self.work(gathered), weights

    def gather(self, stream, attending):
        residual = self.attention_residual
        answer = self.attention(residual.before(stream), **attending)
        return residual.after(stream, answer.output), answer.weights

    def work(self, stream):
        residual = self.feed_forward_residual
        return residual.after(stream, self.feed_forward(residual.before(stream)))
