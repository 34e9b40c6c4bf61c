"""Three plays of a few words, split, and an untrained writer that has read the first."""

import torch
from small_runs import model_config

from transformer_course.data import Act, Play, PlaySplit, Speech, shakespeare_text
from transformer_course.model import Transformer
from transformer_course.tokenization import BytePairTokenizer
from transformer_course.trained import TrainedWriter


def play(slug, text):
    act = Act(title="ACT I", speeches=(Speech(speaker="FOOL", text=text),) * 7)
    return Play(slug=slug, title=slug, genre="comedies", acts=(act,))


SPLIT = PlaySplit(
    train=(play("one", "The rain it raineth every day.\nWith hey, ho, the wind and the rain."),),
    validation=(play("two", "The rain it raineth every night, alas."),),
    test=(play("three", "Marry, nuncle."),),
)


def small_writer():
    text = shakespeare_text(SPLIT.train)
    tokenizer = BytePairTokenizer.train(text, 270)
    model = Transformer(
        model_config(vocab_size=270), generator=torch.Generator().manual_seed(3)
    ).eval()
    return TrainedWriter(model=model, tokenizer=tokenizer, characters=frozenset(text), steps=0)
