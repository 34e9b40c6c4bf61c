"""Adds up the nats of the whole text, turns them into bits, and shares them out."""


def bits_per_character(loss, num_tokens, num_characters):
    whole_text_in_nats = loss * num_tokens
    whole_text_in_bits = whole_text_in_nats / math.log(2)
    return whole_text_in_bits / num_characters
