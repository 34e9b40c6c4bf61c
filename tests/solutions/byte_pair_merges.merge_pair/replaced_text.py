"""Writes each token as one character and lets str.replace do the joining."""


def merge_pair(tokens, pair):
    signs = {token: chr(number) for number, token in enumerate({*tokens, *pair})}
    joined = chr(len(signs))
    text = "".join(signs[token] for token in tokens)
    text = text.replace(signs[pair[0]] + signs[pair[1]], joined)
    names = {sign: token for token, sign in signs.items()} | {joined: pair[0] + pair[1]}
    return [names[sign] for sign in text]
