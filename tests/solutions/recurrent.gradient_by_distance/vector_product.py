"""Goes back from all scores at once with a weight of 1 each, and averages by a product."""


def gradient_by_distance(score, inputs):
    leaf = inputs.detach().clone().requires_grad_()
    scores = score(leaf)
    (gradient,) = torch.autograd.grad(scores, leaf, grad_outputs=torch.ones_like(scores))
    share = torch.full((1, len(inputs)), 1 / len(inputs), dtype=gradient.dtype)
    return (share @ gradient.norm(dim=2))[0].flip(0)
