"""A file is replaced as a whole, or not at all."""

import pytest

from transformer_course.files import replacing


def test_the_new_content_replaces_the_old(tmp_path):
    target = tmp_path / "kept.txt"
    target.write_text("old", encoding="utf-8")
    with replacing(target) as aside:
        aside.write_text("new", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == "new"


def test_a_failure_while_writing_keeps_the_old_content_and_leaves_no_litter(tmp_path):
    target = tmp_path / "kept.txt"
    target.write_text("old", encoding="utf-8")

    def fill_the_disk():
        with replacing(target) as aside:
            aside.write_text("half", encoding="utf-8")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fill_the_disk()
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_missing_folders_are_made(tmp_path):
    with replacing(tmp_path / "a" / "b" / "kept.txt") as aside:
        aside.write_text("new", encoding="utf-8")
    assert (tmp_path / "a" / "b" / "kept.txt").read_text(encoding="utf-8") == "new"
