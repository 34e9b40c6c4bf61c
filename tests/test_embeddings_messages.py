"""What the checks of lesson 03 say of answers that are wrong is true, and no such answer passes."""

import pytest

from transformer_course.engine.answers import verdict_on
from transformer_course.engine.catalogue import exercises
from transformer_course.engine.sources import build
from transformer_course.engine.verdict import State
from transformer_course.exercises.embeddings_pairs import LONG

pytestmark = pytest.mark.usefixtures("unchecked")


def verdict(name, source):
    exercise = exercises()[name]
    return verdict_on(exercise, build(source, name, exercise.lent()))


NUMPY_TABLES = {
    "of distances": """def window_pairs(ids, reach):
    places = np.arange(len(ids))
    distance = np.abs(places[:, None] - places)
    middle, beside = np.nonzero((distance > 0) & (distance <= reach.numpy()[:, None]))
    return ids[middle], ids[beside]
""",
    "of a byte a pair, within another function": """def window_pairs(ids, reach):
    def near(places, reach):
        return (places >= places[:, None] - reach) & (places <= places[:, None] + reach)

    inside = near(np.arange(len(ids)), reach.numpy()[:, None])
    inside[range(len(ids)), range(len(ids))] = False
    middle, beside = inside.nonzero()
    return ids[middle], ids[beside]
""",
}


@pytest.mark.parametrize("source", NUMPY_TABLES.values(), ids=NUMPY_TABLES.keys())
def test_a_table_of_all_words_against_all_is_seen_in_numpy_too(source):
    found = verdict("word_vectors.window_pairs", source)
    assert found.mistake == "a table of all words against all words is made"
    assert f"for {LONG:,} words a table of {LONG**2:,} numbers" in found.seen


def test_numpy_without_such_a_table_passes():
    found = verdict(
        "word_vectors.window_pairs",
        """def window_pairs(ids, reach):
    words, far, pairs = ids.numpy(), reach.numpy(), [np.empty((0, 2), dtype=np.int64)]
    for step in range(1, min(far.max(), len(words) - 1) + 1):
        left, right = words[:-step], words[step:]
        pairs.append(np.stack((left, right), 1)[far[:-step] >= step])
        pairs.append(np.stack((right, left), 1)[far[step:] >= step])
    middle, beside = np.concatenate(pairs).T
    return torch.tensor(middle), torch.tensor(beside)
""",
    )
    assert found.state is State.PASSED


@pytest.mark.parametrize(
    ("reach", "mistake"),
    [
        ("(reach >= distance)[:-distance]", "of two words the left one decides for both"),
        (None, "no word looks farther than five places"),
    ],
)
def test_a_slip_with_the_reach_has_its_name(reach, mistake):
    ahead = reach or "reach[:-distance] >= distance"
    back = reach or "reach[distance:] >= distance"
    found = verdict(
        "word_vectors.window_pairs",
        f"""def window_pairs(ids, reach):
    middle, beside = [], []
    for distance in range(1, {"int(reach.max()) + 1" if reach else "6"}):
        left, right = ids[:-distance], ids[distance:]
        middle += [left[{ahead}], right[{back}]]
        beside += [right[{ahead}], left[{back}]]
    return torch.cat(middle), torch.cat(beside)
""",
    )
    assert found.mistake == mistake


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        (
            "embeddings.one_hot_lookup",
            "def one_hot_lookup(ids, table):\n    return table[ids]\n",
            "it returns a tensor of shape (1, 3); `one_hot` and `vectors` are asked for",
        ),
        (
            "word_vectors.nearest",
            "def nearest(query, table, count, banned=()):\n    return table[:count, 0].long()\n",
            "it returns a tensor of shape (2,); `rows` and `cosines` are asked for",
        ),
        (
            "word_vectors.window_pairs",
            "def window_pairs(ids, reach):\n    return torch.stack((ids, ids, ids, ids))\n",
            "it returns a tensor of shape (4, 3); `middle` and `beside` are asked for",
        ),
    ],
)
def test_one_result_in_the_place_of_two_is_told_as_what_it_is(name, source, says):
    found = verdict(name, source)
    assert found.state is State.NOT_YET
    assert found.seen.startswith(says)


@pytest.mark.parametrize("name", ["embeddings.one_hot_lookup", "word_vectors.nearest"])
def test_a_forgotten_return_is_told(name):
    stub = exercises()[name].stub
    found = verdict(name, stub.replace("    ...", "    done = True"))
    assert (found.state, found.seen) == (State.NOT_YET, "it returns nothing")


NEAREST = """def nearest(query, table, count, banned=()):
    cosines = torch.nan_to_num(table @ query / (table.norm(dim=1) * query.norm()))
    for row in banned:
        cosines[row] = -1.5
    values, rows = cosines.topk(count)
    return rows, values
"""


def test_any_number_below_all_cosines_bans_a_row():
    assert verdict("word_vectors.nearest", NEAREST).state is State.PASSED


def test_a_row_that_points_the_other_way_is_nearer_than_a_banned_one():
    found = verdict("word_vectors.nearest", NEAREST.replace("-1.5", "-1.0"))
    assert found.mistake is not None
    assert found.mistake.startswith("a banned row gets the cosine −1")


def test_whoever_always_skips_the_first_is_told_who_is_missing():
    found = verdict(
        "word_vectors.nearest",
        NEAREST.replace(
            "    values, rows = cosines.topk(count)\n",
            "    rows = cosines.argsort(descending=True)[1 : count + 1]\n"
            "    values = cosines[rows]\n",
        ),
    )
    assert found.seen.startswith("row 0 is nearer than one that was found")


def test_cosine_similarity_is_called_by_the_name_it_has_in_torch():
    found = verdict(
        "word_vectors.nearest",
        """def nearest(query, table, count, banned=()):
    values, rows = F.cosine_similarity(table, query[None]).topk(count)
    return rows, values
""",
    )
    assert found.seen == "it calls torch.cosine_similarity, which does the whole job"


LOSS = """def skip_gram_loss(centre, context, noise, num_negatives=5.0):
    real = F.logsigmoid((centre * context).sum(1))
    drawn = F.logsigmoid(-centre @ noise.T)
    return -real.mean() - num_negatives * drawn.mean()
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "F.logsigmoid(-centre @ noise.T)",
            "(1 - torch.sigmoid(centre @ noise.T)).log()",
            "the loss is inf (in the case “noise with scores far above 0”)",
        ),
        (
            "F.logsigmoid((centre * context).sum(1))",
            "(torch.sigmoid((centre * context).sum(1)) + 1e-10).log()",
            "and −log σ(−x) is above x (in the case “real pairs",
        ),
        (
            "F.logsigmoid(-centre @ noise.T)",
            "torch.sigmoid(-centre @ noise.T).clamp(min=1e-30).log()",
            "and −log σ(−x) is above x (in the case “noise",
        ),
        ("-centre @ noise.T", "-centre.detach() @ noise.T", "the word in the middle is cut off"),
    ],
)
def test_a_loss_that_is_wrong_far_from_0_or_cut_off_is_told_so(old, new, says):
    assert LOSS.count(old) == 1
    assert verdict("word_vectors.skip_gram_loss", LOSS).state is State.PASSED
    found = verdict("word_vectors.skip_gram_loss", LOSS.replace(old, new))
    assert found.state is not State.PASSED
    assert says in found.seen
