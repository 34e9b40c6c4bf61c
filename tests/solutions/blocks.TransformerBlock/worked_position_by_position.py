"""Lets the feed-forward work on one position after the other, as it may."""


class TransformerBlock(nn.Module):
    def __init__(self, *, attention, attention_residual, feed_forward, feed_forward_residual):
        super().__init__()
        self.attention = attention
        self.attention_residual = attention_residual
        self.feed_forward = feed_forward
        self.feed_forward_residual = feed_forward_residual

    def forward(self, hidden, **attending):
        inputs = self.attention_residual.before(hidden)
        attended = self.attention(inputs, **attending)
        hidden = self.attention_residual.after(hidden, attended.output)
        read = self.feed_forward_residual.before(hidden)
        updates = [self.feed_forward(position) for position in read.split(1, dim=1)]
        hidden = self.feed_forward_residual.after(hidden, torch.cat(updates, dim=1))
        return hidden, attended.weights
