"""Clears before it begins and once more at the end, and takes the loss from torch's own."""


def training_step(model, optimizers, batches, clip_norm):
    model.zero_grad()
    mean = np.zeros(len(batches))
    for number, batch in enumerate(batches):
        logits = model(batch.inputs).logits
        loss = F.cross_entropy(logits.flatten(0, -2), batch.targets.flatten())
        (loss / len(batches)).backward()
        mean[number] = loss.item()
    parameters = list(model.parameters())
    length = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    nn.utils.clip_grads_with_norm_(parameters, clip_norm, length)
    for optimizer in optimizers:
        optimizer.step()
    model.zero_grad()
    return float(mean.mean()), float(length)
