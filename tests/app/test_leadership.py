"""When a leader counts as dead."""

from pathlib import Path

from gateway.app.leadership import PATIENCE, Patience, holder_of
from gateway.store.lease import Held


def looks(patience: Patience, *seen: Held) -> list[bool]:
    return [patience.is_over(held) for held in seen]


def test_it_is_dead_after_so_many_looks_without_a_sign_of_life():
    assert looks(Patience(), *[Held("a", 1, 5)] * (PATIENCE + 1)) == [False] * PATIENCE + [True]


def test_each_sign_of_life_begins_the_wait_anew():
    patience = Patience()
    looks(patience, *[Held("a", 1, 5)] * PATIENCE)
    assert looks(patience, *[Held("a", 1, 6)] * (PATIENCE + 1)) == [False] * PATIENCE + [True]


def test_who_could_not_look_has_seen_nothing():
    """A database that was away was away for the leader too."""
    patience = Patience()
    looks(patience, *[Held("a", 1, 5)] * PATIENCE)
    patience.begin_anew()
    assert looks(patience, *[Held("a", 1, 5)] * (PATIENCE + 1)) == [False] * PATIENCE + [True]


def test_a_holder_has_the_same_name_after_a_restart_and_no_other_has_it(tmp_path: Path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    first = holder_of(tmp_path / "a", "east")
    assert first.startswith("east/")
    assert holder_of(tmp_path / "a", "east") == first != holder_of(tmp_path / "b", "east")
    assert (tmp_path / "a" / "holder").stat().st_mode & 0o077 == 0
