"""Keeps its parts in a table of modules, under other names than the stub."""


class TransformerBlock(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        self.parts = nn.ModuleDict(parts)

    def forward(self, hidden, **attending):
        weights = None
        for name in ("attention", "feed_forward"):
            residual = self.parts[name + "_residual"]
            read = residual.before(hidden)
            if name == "attention":
                update, weights = self.attend(read, attending)
            else:
                update = self.parts[name](read)
            hidden = residual.after(hidden, update)
        return hidden, weights

    def attend(self, read, attending):
        attended = self.parts["attention"](read, **attending)
        return attended.output, attended.weights
