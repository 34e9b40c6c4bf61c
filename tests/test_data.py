"""The parser of the plays, the real text, and the splits."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_course import data, downloads
from transformer_course.plays import Act, Play, Speech, parse_play


def parse(markdown: str, slug: str = "a-play") -> Play:
    return parse_play(markdown, slug=slug, genre="comedies")


def speeches(body: str, slug: str = "a-play") -> list[tuple[str, str]]:
    play = parse(f"# A Play\n\n## ACT I\n\n### SCENE I. A wood.\n\n{body}", slug)
    return [(speech.speaker, speech.text) for speech in play.speeches]


# The parser, on markdown of a few lines.


def test_a_play_has_title_genre_acts_and_speeches():
    play = parse(
        "# The Title\n\n## ACT I\n\n### SCENE I. Here.\n\n_Enter_\n\n**ANN**  \nOne,  \ntwo.\n\n"
        "### SCENE II. There.\n\n**Ben**  \nThree.\n\n## ACT II  \n\n**ANN**  \nFour.\n"
    )
    first = Act("ACT I", (Speech("ANN", "One,\ntwo."), Speech("Ben", "Three.")))
    second = Act("ACT II", (Speech("ANN", "Four."),))
    assert play == Play("a-play", "The Title", "comedies", (first, second))
    assert play.speeches == first.speeches + second.speeches


def test_a_stage_direction_does_not_end_a_speech():
    body = "**ANN**  \nOne.\n\n_A cry within, and\nthunder_\n\n_Enter BEN_\n\nTwo.\n"
    assert speeches(body) == [("ANN", "One.\nTwo.")]


@pytest.mark.parametrize(
    "direction", [r"_\[Aside]_  ", r"__\[Reads]_", "[To BEN]_  ", r"_\[Aside to", "_Exit_"]
)
def test_a_direction_among_the_lines_is_removed(direction):
    if direction.endswith("to"):
        direction += "\nBEN]_  "
    assert speeches(f"**ANN**  \n{direction}\nOne.  \nTwo.\n") == [("ANN", "One.\nTwo.")]


def test_a_direction_inside_a_line_leaves_the_rest_of_the_line():
    assert speeches("**ANN**  \nNo, he'll __\\[ ]_  \nseem.\n") == [("ANN", "No, he'll\nseem.")]


def test_an_underscore_without_its_partner_eats_nothing_beyond_the_next_blank_line():
    body = "**ANN**  \nOne. _\n\n**BEN**  \nTwo.\n\n_Exit_\n"
    assert speeches(body) == [("ANN", "One."), ("BEN", "Two.")]


def test_escapes_and_entities_are_undone():
    body = "**ANN**  \n'Go,'\\--he said,  \nwith child, &amp; c. and so on, & c.\n"
    assert speeches(body) == [("ANN", "'Go,'--he said,\nwith child, &c. and so on, &c.")]


def test_dashes_are_written_in_one_way():
    assert speeches("**ANN**  \nAnd shall I?—No.\n") == [("ANN", "And shall I?--No.")]


def test_words_between_a_heading_and_the_first_speaker_belong_to_the_heading():
    body = "**ANN**  \nOne.\n\n### SCENE II. A tent, with\n\na bed in it.\n\n**BEN**  \nTwo.\n"
    assert speeches(body) == [("ANN", "One."), ("BEN", "Two.")]


def test_a_speaker_without_words_is_no_speech():
    assert speeches("**ANN**  \n_Exit_\n\n**BEN**  \nTwo.\n") == [("BEN", "Two.")]


def test_stray_spaces_in_a_name_are_removed():
    assert speeches("**FIRST   WITCH **  \nOne.\n") == [("FIRST WITCH", "One.")]


def test_prologue_and_epilogue_are_acts_where_they_stand_outside_the_acts():
    play = parse(
        "# A Play\n\n## PROLOGUE. A castle\n\n**ANN**  \n1.\n\n## ACT I\n\n### PROLOGUE\n\n"
        "**ANN**  \n2.\n\n# INTERMISSION\n\n**ANN**  \n3.\n\n#### ACT II\n\n**ANN**  \n4.\n\n"
        "# EPILOGUE\n\n**ANN**  \n5.\n"
    )
    texts = {act.title: [speech.text for speech in act.speeches] for act in play.acts}
    expected = {"PROLOGUE": ["1."], "ACT I": ["2.", "3."], "ACT II": ["4."], "EPILOGUE": ["5."]}
    assert texts == expected


def test_repairs_are_made_in_the_play_that_needs_them_and_in_no_other():
    body = "**ANN**  \nOne.\n\nLord Chief-Justice What of it?\n"
    assert speeches(body) == [("ANN", "One.\nLord Chief-Justice What of it?")]
    repaired = [("ANN", "One."), ("Lord Chief-Justice", "What of it?")]
    assert speeches(body, "henry-iv-part-2") == repaired


def test_a_text_without_speeches_is_refused():
    with pytest.raises(ValueError, match=r"a-play has no speech in any act; expected '## ACT I'"):
        parse("# A Play\n\nOnce upon a time.\n")


WORDS = st.text(alphabet="abc ,.!?;:'-éß", min_size=1).filter(str.strip)
SPEECHES = st.lists(
    st.tuples(
        st.sampled_from(["ANN", "Ben", "First Witch", "QUEEN & KING"]),
        st.lists(st.tuples(WORDS, st.sampled_from(["", "\n_Exit_\n\n", "_\\[Aside]_  \n"]))),
    ),
    min_size=1,
)


@given(SPEECHES)
def test_what_is_spoken_survives_whatever_directions_stand_between(spoken):
    spoken = [("ANN", [("x", "")]), *spoken]
    body = "".join(
        f"**{speaker}**  \n" + "".join(f"{direction}{line}  \n" for line, direction in lines) + "\n"
        for speaker, lines in spoken
    )
    expected = [
        (speaker, "\n".join(line.strip() for line, _ in lines))
        for speaker, lines in spoken
        if lines
    ]
    assert speeches(body) == expected


# The real text.


def words_of(plays):
    text = "\n".join(speech.text for play in plays for speech in play.speeches).lower()
    return re.findall(r"'?[a-z]+(?:['-][a-z]+)*", text)


def test_there_are_38_plays_in_six_genres_in_order(shakespeare_plays):
    counts = Counter(play.genre for play in shakespeare_plays)
    assert counts == {
        "comedies": 8, "histories": 11, "problems": 5, "roman": 4, "romances": 4, "tragedies": 6
    }  # fmt: skip
    slugs = [play.slug for play in shakespeare_plays]
    assert slugs == sorted(set(slugs))


def test_nothing_is_lost_on_the_way(shakespeare_plays):
    words = words_of(shakespeare_plays)
    assert len(words) == 830_980
    assert len(set(words)) == 28_221
    assert sum(len(play.speeches) for play in shakespeare_plays) == 31_475
    assert len(data.shakespeare_text(shakespeare_plays)) == 4_784_887


@pytest.mark.parametrize(("slug", "expected"), [("the-tempest", 242), ("timon-of-athens", 218)])
def test_the_plays_with_an_underscore_too_few_keep_their_speeches(
    slug, expected, shakespeare_plays
):
    (play,) = (play for play in shakespeare_plays if play.slug == slug)
    assert sum(len(speech.text.split()) >= 20 for speech in play.speeches) == expected


def test_no_markup_is_left_and_the_characters_are_plain(shakespeare_plays):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    characters = "".join(sorted(set(data.shakespeare_text(shakespeare_plays))))
    assert characters == "\n !\"&',-.24568:;?" + letters


def test_every_speech_has_a_speaker_and_no_empty_line(shakespeare_plays):
    for play in shakespeare_plays:
        for speech in play.speeches:
            assert speech.speaker == speech.speaker.strip() != ""
            assert all(line == line.strip() != "" for line in speech.text.split("\n"))


def test_every_play_has_five_acts_and_what_stands_outside_them(shakespeare_plays):
    five = ("ACT I", "ACT II", "ACT III", "ACT IV", "ACT V")
    for play in shakespeare_plays:
        titles = tuple(act.title for act in play.acts)
        assert titles in (five, (*five, "EPILOGUE"), ("PROLOGUE", *five),
                          ("PROLOGUE", *five, "EPILOGUE"))  # fmt: skip
    assert sum(play.acts[-1].title == "EPILOGUE" for play in shakespeare_plays) == 7


def test_no_line_is_a_direction_or_a_heading_that_lost_its_marks(shakespeare_plays):
    lost = re.compile(
        r"^(Enter [A-Z]|Exit|Exeunt|Re-enter|ACT|SCENE|SONG|DUMB SHOW|EPILOGUE)", re.M
    )
    found = [lost.search(s.text) for play in shakespeare_plays for s in play.speeches]
    assert not any(found)


REPAIRED = [
    ("a-midsummer-night-s-dream", "Fairies", "You spotted snakes with double tongue,"),
    ("antony-and-cleopatra", "Song", "Come, thou monarch of the vine,"),
    ("coriolanus", "Senators", "We'll surety him."),
    ("cymbeline", "CLOTEN", "I'll be revenged:"),
    ("henry-iv-part-2", "Dancer", "First my fear; then my courtesy; last my speech."),
    ("henry-iv-part-2", "LADY NORTHUMBERLAND", "I have given over, I will speak no more:"),
    ("henry-vi-part-1", "BISHOP OF WINCHESTER", "Unreverent Gloster!"),
    ("henry-vi-part-1", "Serving-Men", "Open the gates unto the lord protector,"),
    ("henry-viii", "Epilogue", "'Tis ten to one this play can never please"),
    ("henry-viii", "Prologue", "I come no more to make you laugh: things now,"),
    ("love-s-labours-lost", "DON ADRIANO DE ARMADO", "Pretty and apt."),
    ("measure-for-measure", "Boy", "Take, O, take those lips away,"),
    ("othello", "CASSIO", "Good night, honest Iago."),
    ("richard-iii", "Ghosts of young Princes", "Dream on thy cousins smother'd in the Tower:"),
    ("the-comedy-of-errors", "ANTIPHOLUS OF EPHESUS", "Do you hear, you minion? you'll let us in,"),
    ("the-taming-of-the-shrew", "ALL SERVING-MEN", "Here, here, sir; here, sir."),
    ("the-tempest", "ARIEL", "Come unto these yellow sands,"),
    ("the-tempest", "ARIEL", "Full fathom five thy father lies;"),
    ("the-tempest", "PROSPERO", "Now my charms are all o'erthrown,"),
    ("timon-of-athens", "TIMON", "O blessed breeding sun, draw from the earth"),
    ("timon-of-athens", "Varro's Second Servant", "By your leave, sir,--"),
    ("timon-of-athens", "Varro's Servants", "And ours, my lord."),
    ("twelfth-night", "ANTONIO", "Let me yet know of you whither you are bound."),
]


@pytest.mark.parametrize(("slug", "speaker", "beginning"), REPAIRED)
def test_speeches_whose_markup_was_wrong_have_their_speaker(
    slug, speaker, beginning, shakespeare_plays
):
    (play,) = (play for play in shakespeare_plays if play.slug == slug)
    (speech,) = (speech for speech in play.speeches if speech.text.startswith(beginning))
    assert speech.speaker == speaker


@pytest.mark.parametrize(
    ("slug", "lines"),
    [
        ("julius-caesar", "towards the Capitol;\nThis way will I: disrobe the images,"),
        ("love-s-labours-lost", "hold longer out?\nHere stand I: lady, dart thy skill at me;"),
        ("measure-for-measure", "and, it may be,\nAs long as you or I: yet he must die."),
        ("henry-vi-part-3", "my sea shall suck them dry,"),
    ],
)
def test_lines_that_were_torn_are_whole(slug, lines, shakespeare_plays):
    (play,) = (play for play in shakespeare_plays if play.slug == slug)
    assert lines in data.shakespeare_text([play])


def test_the_text_is_speaker_lines_and_an_empty_line():
    play = Play("s", "T", "roman", (Act("ACT I", (Speech("A B", "x\ny"), Speech("C", "z"))),))
    assert data.shakespeare_text([play, play]) == "A B:\nx\ny\n\nC:\nz\n\n" * 2


# Splits.


@pytest.mark.parametrize("split", [data.split_plays, data.small_split])
def test_the_parts_of_a_split_share_no_play(split, shakespeare_plays):
    parts = split(shakespeare_plays)
    slugs = [play.slug for play in parts.train + parts.validation + parts.test]
    assert len(slugs) == len(set(slugs))


def test_the_whole_split_uses_every_play_and_holds_out_one_of_each_genre_twice(shakespeare_plays):
    parts = data.split_plays(shakespeare_plays)
    genres = {play.genre for play in shakespeare_plays}
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [26, 6, 6]
    assert {play.genre for play in parts.validation} == genres
    assert {play.genre for play in parts.test} == genres


def test_the_whole_split_trains_on_seven_tenths_of_the_text(shakespeare_plays):
    train = data.shakespeare_text(data.split_plays(shakespeare_plays).train)
    assert 0.7 < len(train) / len(data.shakespeare_text(shakespeare_plays)) < 0.8


def test_the_small_split_has_the_sizes_it_promises(shakespeare_plays):
    parts = data.small_split(shakespeare_plays)
    assert 1_000_000 < len(data.shakespeare_text(parts.train)) < 1_100_000
    assert 100_000 < len(data.shakespeare_text(parts.validation)) < 125_000
    assert 100_000 < len(data.shakespeare_text(parts.test)) < 125_000


def test_the_small_split_has_not_seen_what_the_whole_split_reports(shakespeare_plays):
    small, whole = data.small_split(shakespeare_plays), data.split_plays(shakespeare_plays)
    for part in ("train", "validation", "test"):
        assert set(getattr(small, part)) <= set(getattr(whole, part))


@pytest.mark.parametrize("split", [data.split_plays, data.small_split])
def test_a_model_meets_no_character_that_it_was_not_trained_on(split, shakespeare_plays):
    parts = split(shakespeare_plays)
    held_out = set(data.shakespeare_text(parts.validation + parts.test))
    assert held_out <= set(data.shakespeare_text(parts.train))


def test_the_plays_of_some_genres_can_be_split(shakespeare_plays):
    roman = [play for play in shakespeare_plays if play.genre == "roman"]
    parts = data.split_plays(roman)
    assert [play.slug for play in parts.train] == ["antony-and-cleopatra", "coriolanus"]


def test_a_split_that_would_leave_a_part_empty_is_refused(shakespeare_plays):
    some = [play for play in shakespeare_plays if play.slug in ("coriolanus", "cymbeline")]
    with pytest.raises(ValueError, match="no play is left for validation; the splits are made by"):
        data.split_plays(some)


# Loading. The cache itself is tested in test_fetch.py.


def test_plays_that_are_not_fetched_are_one_sentence_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFORMER_COURSE_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"run once: python course\.py fetch shakespeare$"):
        data.load_shakespeare()


def test_plays_are_loaded_from_the_cache_by_slug(monkeypatch):
    files = {
        "roman/bb.md": "# B\n## ACT I\n**A**\nB é\n".encode(),
        "tragedies/aa.md": b"# A\n## ACT I\n**A**\nx\n",
    }
    monkeypatch.setattr(data, "read_cached", {"shakespeare": files}.get)
    loaded = [(play.slug, play.genre, play.title) for play in data.load_shakespeare()]
    assert loaded == [("aa", "tragedies", "A"), ("bb", "roman", "B")]


def test_fetch_is_at_hand_where_the_plays_are():
    assert data.fetch is downloads.fetch
