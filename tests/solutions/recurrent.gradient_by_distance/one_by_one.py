"""Asks for each sequence by itself, and averages at the end."""


def gradient_by_distance(score, inputs):
    rows = []
    for number in range(len(inputs)):
        word = inputs[number : number + 1].detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(score(word)[0], word)
        rows.append(torch.linalg.vector_norm(gradient[0], dim=-1))
    return torch.stack(rows).mean(0)[range(inputs.shape[1] - 1, -1, -1)]
