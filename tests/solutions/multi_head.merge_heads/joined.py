"""Takes the heads apart and joins them along the width."""


def merge_heads(heads):
    return torch.cat(heads.unbind(1), dim=-1)
