"""Multiplies by the number of bits in a nat, log₂ of e."""


def bits_per_character(loss, num_tokens, num_characters):
    return math.log2(math.e) * loss * (num_tokens / num_characters)
