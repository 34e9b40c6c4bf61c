"""Goes from column to column and asks each whose it is."""


def silence_head(output_weight, head, num_heads):
    d_head = output_weight.shape[1] // num_heads
    columns = [
        torch.zeros_like(column) if place // d_head == head else column
        for place, column in enumerate(output_weight.T)
    ]
    return torch.stack(columns, dim=1)
