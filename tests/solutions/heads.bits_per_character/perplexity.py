"""Takes the perplexity a character, and asks how many times it halves down to 1."""


def bits_per_character(loss, num_tokens, num_characters):
    choices = math.exp(loss * num_tokens / num_characters)
    return math.log2(choices)
