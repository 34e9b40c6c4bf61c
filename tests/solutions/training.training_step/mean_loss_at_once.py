"""Adds the losses up first, and sends one backward pass through their mean."""


def training_step(model, optimizers, batches, clip_norm):
    losses = [cross_entropy(model(batch.inputs).logits, batch.targets) for batch in batches]
    loss = torch.stack(losses).mean()
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    length = nn.utils.clip_grad_norm_(list(model.parameters()), clip_norm)
    for optimizer in optimizers:
        optimizer.step()
    for optimizer in optimizers:
        optimizer.zero_grad()
    return float(loss), float(length)
