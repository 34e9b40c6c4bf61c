"""Asks autograd for the gradients as a result, and hands them to the parameters itself."""


def training_step(model, optimizers, batches, clip_norm):
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    means = [torch.zeros_like(parameter) for parameter in parameters]
    mean_loss = 0.0
    for batch in batches:
        loss = cross_entropy(model(batch.inputs).logits, batch.targets)
        for mean, part in zip(means, torch.autograd.grad(loss, parameters), strict=True):
            mean += part / len(batches)
        mean_loss += loss.item() / len(batches)
    length = torch.linalg.vector_norm(torch.cat([mean.flatten() for mean in means])).item()
    factor = min(1.0, clip_norm / length)
    for parameter, mean in zip(parameters, means, strict=True):
        parameter.grad = mean * factor
    for optimizer in optimizers:
        optimizer.step()
    for parameter in parameters:
        parameter.grad = None
    return mean_loss, length
