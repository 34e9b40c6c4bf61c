"""Lets the gradients add up, and divides them by the number of batches once at the end."""


def training_step(model, optimizers, batches, clip_norm):
    losses = []
    for batch in batches:
        loss = cross_entropy(model(batch.inputs).logits, batch.targets)
        loss.backward()
        losses.append(loss.item())
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad /= len(batches)
    length = nn.utils.clip_grad_norm_(model.parameters(), max_norm=clip_norm).item()
    [optimizer.step() for optimizer in optimizers]
    [optimizer.zero_grad(set_to_none=False) for optimizer in optimizers]
    return sum(losses) / len(losses), length
