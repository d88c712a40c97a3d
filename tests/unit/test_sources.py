"""One digest tells two releases of the fold apart, and nothing else does."""

from chalicelib.replay import sources


def digest_of(folder, monkeypatch):
    monkeypatch.setattr(sources, "ROOT", folder)
    return sources.digest.__wrapped__()


def test_a_changed_a_moved_and_a_new_source_are_other_code_and_what_is_no_source_is_not(
    tmp_path, monkeypatch
):
    (tmp_path / "views").mkdir()
    (tmp_path / "a.py").write_text("one = 1")
    seen = [digest_of(tmp_path, monkeypatch)]
    (tmp_path / "a.pyc").write_text("compiled")
    assert digest_of(tmp_path, monkeypatch) == seen[0]
    (tmp_path / "a.py").write_text("one = 2")
    seen.append(digest_of(tmp_path, monkeypatch))
    (tmp_path / "a.py").rename(tmp_path / "views" / "a.py")
    seen.append(digest_of(tmp_path, monkeypatch))
    (tmp_path / "b.py").write_text("")
    seen.append(digest_of(tmp_path, monkeypatch))
    assert len(set(seen)) == 4


def test_of_the_package_as_it_is_it_is_worked_out_once():
    assert sources.digest() == sources.digest.__wrapped__()
