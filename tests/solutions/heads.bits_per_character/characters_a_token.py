"""Divides the bits a token by the characters that a token stands for on average."""


def bits_per_character(loss, num_tokens, num_characters):
    characters_a_token = num_characters / num_tokens
    return (loss / np.log(2)) / characters_a_token
