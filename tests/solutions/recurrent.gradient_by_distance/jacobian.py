"""Takes the whole Jacobian, of which each sequence needs its own part only."""


def gradient_by_distance(score, inputs):
    whole = torch.autograd.functional.jacobian(score, inputs)
    own = torch.stack([whole[number, number] for number in range(len(inputs))])
    return own.norm(dim=-1).mean(dim=0).flip(dims=(0,))
