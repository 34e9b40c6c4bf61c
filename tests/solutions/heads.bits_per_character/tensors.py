"""Computes with a tensor, and gives back a plain number."""


def bits_per_character(loss, num_tokens, num_characters):
    nats = torch.tensor([loss], dtype=torch.float64) * num_tokens
    return (nats / num_characters / torch.log(torch.tensor(2.0, dtype=torch.float64))).item()
