"""Asks for the product of a vector of ones with the Jacobian."""


def gradient_by_distance(score, inputs):
    _, gradient = torch.autograd.functional.vjp(score, inputs, torch.ones(len(inputs)).to(inputs))
    return torch.sqrt((gradient * gradient).sum(-1)).mean(0).flip(0)
