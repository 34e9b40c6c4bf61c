"""Measures the gradient's length and shortens it without the library's help."""


def training_step(model, optimizers, batches, clip_norm):
    total = 0.0
    for batch in batches:
        loss = cross_entropy(model(batch.inputs).logits, batch.targets)
        (loss / len(batches)).backward()
        total += loss.item()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    length = math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))
    if length > clip_norm:
        for gradient in gradients:
            gradient.mul_(clip_norm / length)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return total / len(batches), length
