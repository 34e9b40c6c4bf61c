"""Writes the loss out as the mean of −log p, and shortens by a hook-free factor in place."""


def training_step(model, optimizers, batches, clip_norm):
    share = 1 / len(batches)
    loss_so_far = torch.zeros(())
    for batch in batches:
        logits = model(batch.inputs).logits
        chosen = logits.gather(-1, batch.targets[..., None])[..., 0]
        loss = (logits.logsumexp(-1) - chosen).mean() * share
        loss.backward()
        loss_so_far = loss_so_far + loss.detach()
    with torch.no_grad():
        lengths = [p.grad.norm() for p in model.parameters() if p.grad is not None]
        length = torch.stack(lengths).norm()
        if length > clip_norm:
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.grad.copy_(parameter.grad * clip_norm / length)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return loss_so_far.item(), length.item()
