"""A file that an operator asks for is there whole, or as it was; and that is known beforehand."""

import pytest
from typer.testing import CliRunner

from ops import whole
from ops.__main__ import app
from ops.query.answer import QueryError
from ops.query.show import check


def test_it_is_put_in_place_of_what_was_there_also_through_a_link(tmp_path):
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    whole.check(link)
    assert file.read_text() == "old"
    whole.put(link, "new")
    assert (file.read_text(), link.is_symlink()) == ("new", True)
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link"}


def test_what_cannot_be_put_leaves_what_was_there(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        whole.put(file, "\udcff")
    assert file.read_text() == "old"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        whole.put(tmp_path / "folder", "new")
    assert {each.name for each in tmp_path.iterdir()} == {"file", "folder"}


def test_where_nothing_can_be_put_is_known_beforehand(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "nowhere/x", tmp_path / "file/x", tmp_path / "/dev/null"):
        with pytest.raises(OSError, match=r"no file|o such file|ot a dir"):
            whole.check(path)
        with pytest.raises(QueryError, match=f"^{path} is not written: "):
            check(path)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_plot_that_cannot_be_written_is_told_before_the_archive_is_read(shop, monkeypatch):
    reached = []
    monkeypatch.setattr("ops.query.answer", lambda _: reached.append("read"))
    ran = CliRunner().invoke(app, ["query", "select 'a' as a, 1 as b", "--svg", "/nowhere/x.svg"])
    assert (ran.exit_code, ran.stdout, reached) == (2, "", [])
    assert ran.stderr == "ops: /nowhere/x.svg is not written: No such file or directory\n"


def test_a_question_that_is_no_text_is_a_sentence_and_2(shop):
    ran = CliRunner().invoke(app, ["query", "select '\udcff'"])
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == "ops: the question is not in UTF-8\n"
