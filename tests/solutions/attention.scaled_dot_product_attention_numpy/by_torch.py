"""Goes by way of torch's own softmax, in double precision, and back to numpy."""


def scaled_dot_product_attention_numpy(query, key, value, mask=None):
    asks, answers, held = (torch.from_numpy(array).double() for array in (query, key, value))
    scores = asks @ answers.mT / math.sqrt(asks.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(torch.from_numpy(~mask), float("-inf"))
    weights = torch.softmax(scores, dim=-1).nan_to_num(0.0)
    return (weights @ held).numpy(), weights.numpy()
