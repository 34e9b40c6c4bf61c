"""Lets the feed-forward work on one position after the other, as it may."""


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
        inputs = self.attention_residual.before(hidden)
        attended = self.attention(inputs, need_weights=need_weights, **attending)
        hidden = self.attention_residual.after(hidden, attended.output)
        looked_up = None
        if self.cross_attention is not None:
            looked_up = self.cross_attention(
                self.cross_attention_residual.before(hidden),
                memory,
                key_mask=memory_mask,
                need_weights=need_weights,
            )
            hidden = self.cross_attention_residual.after(hidden, looked_up.output)
        read = self.feed_forward_residual.before(hidden)
        updates = [self.feed_forward(position) for position in read.split(1, dim=1)]
        hidden = self.feed_forward_residual.after(hidden, torch.cat(updates, dim=1))
        return hidden, attended.weights, None if looked_up is None else looked_up.weights
