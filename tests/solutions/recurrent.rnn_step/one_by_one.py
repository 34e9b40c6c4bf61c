"""Goes through the sequences of the batch, a vector at a time."""


def rnn_step(inputs, hidden, input_weight, hidden_weight, bias):
    rows = []
    for word, state in zip(inputs, hidden, strict=True):
        total = bias + input_weight.T @ word + hidden_weight.T @ state
        rows.append(torch.tanh(total))
    return torch.stack(rows)
