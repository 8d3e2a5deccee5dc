"""Keys that are one: groups by what is proved of two at a time."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from gateway.collectors.libvirt.unions import Unions

keys = st.text("abcdef", min_size=1, max_size=1)


def test_what_is_proved_of_two_holds_for_all_that_are_one_with_either():
    unions = Unions([("d", "c"), ("b", "a"), ("b", "d")])
    assert [unions.first(key) for key in "abcde"] == ["a", "a", "a", "a", "e"]
    assert [key in unions for key in "ae"] == [True, False]
    assert unions.pairs == (("a", "b"), ("a", "c"), ("a", "d"))


def test_it_says_what_is_called_otherwise_now():
    unions = Unions()
    assert unions.unite("c", "b") == ["c", "b"]
    assert unions.unite("d", "c") == ["d"]
    assert sorted(unions.unite("a", "d")) == ["a", "b", "c", "d"]
    assert unions.unite("b", "d") == []


def test_the_order_of_proofs_does_not_matter():
    proofs = [("a", "d"), ("c", "b"), ("d", "c"), ("e", "f")]
    assert len({Unions(order).pairs for order in permutations(proofs)}) == 1


@given(st.lists(st.tuples(keys, keys)), st.lists(st.tuples(keys, keys)))
def test_what_was_saved_says_as_much_as_all_proofs(before, after):
    assert Unions([*Unions(before).pairs, *after]).pairs == Unions([*before, *after]).pairs


@given(st.lists(st.tuples(keys, keys)))
def test_what_did_not_change_is_called_as_before(proofs):
    unions = Unions()
    for one, other in proofs:
        before = {key: (unions.first(key), key in unions) for key in "abcdef"}
        changed = unions.unite(one, other)
        after = {key: (unions.first(key), key in unions) for key in "abcdef"}
        assert {key for key in "abcdef" if before[key] != after[key]} == set(changed)
