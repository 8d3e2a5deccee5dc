"""The judge of the crash tests can find something wrong."""

from tests.crash.truth import certainty, is_possible, wrong

A, B, C = "n1", "n2", "n3"


def test_every_read_that_another_read_of_the_same_process_follows_was_committed():
    assert certainty([(1, 0), (1, 1), (2, 1), (2, 2)]) == [True, False, True, False]


def test_what_was_surely_seen_must_be_told():
    assert is_possible([(A, B)], [A, B, B], [True, True, True])
    assert not is_possible([], [A, B, B], [True, True, True])


def test_a_read_that_may_be_lost_may_be_told_or_be_part_of_the_net_effect():
    reads = ([A, B, C], [True, False, True])
    assert is_possible([(A, B), (B, C)], *reads)
    assert is_possible([(A, C)], *reads)
    assert not is_possible([(A, B)], *reads)
    assert not is_possible([(A, C), (A, C)], *reads)


def test_what_never_was_may_not_be_told():
    assert not is_possible([(A, C), (C, B)], [A, B], [True, True])
    history = [{"web": A}, {"web": B}]
    reads = [(1, 0), (1, 1), (1, 1)]
    assert wrong({"web": [(A, B)]}, history, reads) == {}
    assert set(wrong({}, history, reads)) == {"web"}
    assert set(wrong({"web": [(A, B), (A, B)]}, history, reads)) == {"web"}
