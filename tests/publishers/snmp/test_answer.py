"""GET, GETNEXT, GETBULK and SET in v1 and v2c: what RFC 3416 and RFC 1157 ask for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.publishers.snmp.access import View
from gateway.publishers.snmp.answer import answer
from gateway.publishers.snmp.walk import Tree
from gateway.schema.snmp.views import EVERYTHING
from gateway.wire.fast import Request
from gateway.wire.pdu import ErrorStatus, PduType, Version
from gateway.wire.values import Counter64, Empty, OctetString, VarBind, decode_varbinds, encode_varbinds
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import ENTERPRISE, REVISION, SYS_NAME, TABLES, Asker

ESTATE = estate.snapshot(150, holes=[*range(30, 70), *range(128, 320)])
ROOT = (1, 3)


@pytest.fixture(scope="module")
def asker() -> Asker:
    return Asker(running.make(running.Holder(ESTATE)))


@pytest.fixture(scope="module")
def topology(asker: Asker) -> list[VarBind]:
    """All of the MIB, which does not change while the tests run (counters elsewhere do)."""
    return asker.walk(ENTERPRISE)


def test_a_walk_is_the_same_as_a_get_of_each_instance(asker, topology):
    assert len(topology) > 150 * 12
    for varbind in topology:
        assert asker.get(varbind.oid) == varbind


def test_a_walk_is_in_lexicographic_order(topology):
    oids = [varbind.oid for varbind in topology]
    assert oids == sorted(set(oids))


def test_what_is_beside_a_row_or_an_object(asker):
    entity = TABLES["entity"]
    assert asker.get((*entity, 5, 64)).value is Empty.NO_SUCH_INSTANCE
    assert asker.get((*entity, 5, 1_000_000)).value is Empty.NO_SUCH_INSTANCE
    assert asker.get((*entity, 5)).value is Empty.NO_SUCH_INSTANCE
    assert asker.get((*entity, 5, 1, 1)).value is Empty.NO_SUCH_INSTANCE
    assert asker.get((*entity, 99, 1)).value is Empty.NO_SUCH_OBJECT
    assert asker.get((1, 3)).value is Empty.NO_SUCH_OBJECT
    assert asker.get((*SYS_NAME[:-1], 1)).value is Empty.NO_SUCH_INSTANCE


def test_the_end_of_the_view_repeats_the_name(asker):
    last = (1, 3, 6, 1, 7)
    assert asker.next(last) == VarBind(last, Empty.END_OF_MIB_VIEW)


def successors(asker: Asker, oid: tuple[int, ...], count: int) -> list[VarBind]:
    """What `count` GETNEXTs, each from the last answer, give; stops after the first endOfMibView."""
    found: list[VarBind] = []
    while len(found) < count and not (found and found[-1].value is Empty.END_OF_MIB_VIEW):
        found.append(asker.next(found[-1].oid if found else oid))
    return found


def expected_bulk(asker: Asker, oids: list[tuple[int, ...]], once: int, repetitions: int) -> list[VarBind]:
    """RFC 3416 4.2.3 in the plainest words."""
    expected = [asker.next(oid) for oid in oids[:once]]
    columns = [successors(asker, oid, repetitions) for oid in oids[once:]]
    for row in range(repetitions if columns else 0):
        expected += [column[min(row, len(column) - 1)] for column in columns]
        if all(column[min(row, len(column) - 1)].value is Empty.END_OF_MIB_VIEW for column in columns):
            break
    return expected


def still(varbinds: list[VarBind]) -> list[VarBind]:
    """Values that move while we look at them (counters, times) are only compared by name."""
    return [v if v.oid[:7] == ENTERPRISE[:7] else VarBind(v.oid) for v in varbinds]


NAMES = st.one_of(
    st.sampled_from([(*TABLES[t], c, i) for t in TABLES for c in (1, 2, 5, 8, 13) for i in (0, 1, 29, 63, 127, 360)]),
    st.sampled_from([ROOT, ENTERPRISE, (1, 3, 6, 1, 6, 3, 15, 1, 1, 5), (2, 1), SYS_NAME, (0, 0)]),
    st.lists(st.integers(0, 400), max_size=5).map(lambda tail: (*TABLES["relation"], *tail)),
    st.lists(st.integers(0, 2**32 - 1), max_size=4).map(lambda tail: (*ENTERPRISE, 1, *tail)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES, max_size=5), st.integers(0, 3), st.integers(0, 90))
def test_any_getbulk_is_repeated_getnext(oids, once, repetitions):
    asker = Asker(SHARED)
    found = asker.varbinds(PduType.GET_BULK, *oids, numbers=(once, repetitions))
    assert still(found) == still(expected_bulk(asker, oids, once, repetitions))


SHARED = running.make(running.Holder(ESTATE))


@pytest.mark.parametrize("size", [484, 1472, 2000])
@pytest.mark.parametrize(
    "oids", [[(*TABLES["entity"], 2)], [(*TABLES["entity"], c) for c in range(2, 14)], [(*TABLES["alarm"], 8), ROOT]]
)
def test_a_getbulk_is_cut_to_the_size_and_never_too_big(size, oids):
    cut = Asker(running.make(running.Holder(ESTATE), {**running.SETTINGS, "max_message_size": size}))
    whole = Asker(SHARED).varbinds(PduType.GET_BULK, *oids, numbers=(0, 200))
    found = cut.varbinds(PduType.GET_BULK, *oids, numbers=(0, 200))
    assert cut.size <= size
    assert still(found) == still(whole[: len(found)])
    assert cut.size > size - 200  # as many as fit


def test_a_get_that_does_not_fit_is_too_big():
    small = Asker(running.make(running.Holder(ESTATE), {**running.SETTINGS, "max_message_size": 484}))
    oids = [(*TABLES["entity"], 2, index) for index in range(1, 20)]
    answer = small.ask(PduType.GET, *oids)
    assert (answer.error_status, answer.error_index, answer.varbinds) == (ErrorStatus.TOO_BIG, 0, ())


def test_v1_skips_counter64_and_says_no_such_name(asker):
    before = (*REVISION[:-2], 2, 0)
    assert isinstance(asker.get(REVISION).value, Counter64)
    assert asker.next(before).oid == REVISION
    in_v1 = asker.ask(PduType.GET_NEXT, before, version=Version.V1)
    assert in_v1.varbinds[0].oid == (*REVISION[:-2], 4, 0)
    refused = asker.ask(PduType.GET, SYS_NAME, REVISION, version=Version.V1)
    assert (refused.error_status, refused.error_index) == (ErrorStatus.NO_SUCH_NAME, 2)
    assert [varbind.oid for varbind in refused.varbinds] == [SYS_NAME, REVISION]
    ended = asker.ask(PduType.GET_NEXT, (1, 3, 6, 1, 7), version=Version.V1)
    assert (ended.error_status, ended.error_index) == (ErrorStatus.NO_SUCH_NAME, 1)


def test_nothing_can_be_set(asker):
    inside = asker.ask(PduType.SET, SYS_NAME)
    assert (inside.error_status, inside.error_index) == (ErrorStatus.NOT_WRITABLE, 1)
    v1 = asker.ask(PduType.SET, SYS_NAME, version=Version.V1)
    assert (v1.error_status, v1.error_index) == (ErrorStatus.NO_SUCH_NAME, 1)
    assert asker.get(SYS_NAME).value == OctetString(b"gateway-under-test")


def test_an_unknown_community_gets_no_answer_and_is_counted():
    publisher = running.make(running.Holder(ESTATE))
    assert Asker(publisher, b"guess").ask(PduType.GET, SYS_NAME) is None
    assert publisher.counters.bad_community_names == 1


def test_a_community_is_good_only_from_its_networks():
    publisher = running.make(running.Holder(ESTATE))
    assert Asker(publisher, b"notfromhere", "127.0.0.1").ask(PduType.GET, SYS_NAME) is None
    assert Asker(publisher, b"notfromhere", "192.0.2.77").get(SYS_NAME).value == OctetString(b"gateway-under-test")
    assert Asker(publisher, b"notfromhere", "::ffff:192.0.2.77").get(SYS_NAME)


def test_a_view_hides_what_is_not_in_it():
    limited = Asker(running.make(running.Holder(ESTATE)), b"systemonly")
    seen = [varbind.oid for varbind in limited.walk(ROOT)]
    assert [oid for oid in seen if oid[7] != 9] == [(1, 3, 6, 1, 2, 1, 1, n, 0) for n in (1, 2, 3, 4, 5, 7, 8)]
    assert all(oid[:7] == (1, 3, 6, 1, 2, 1, 1) for oid in seen)
    assert limited.get((*TABLES["entity"], 5, 1)).value is Empty.NO_SUCH_OBJECT


def test_one_pdu_sees_one_snapshot_and_the_next_one_the_new():
    holder = running.Holder(ESTATE)
    asker = Asker(running.make(holder))
    vm = estate.indexes(100)[20]
    where = (*TABLES["where"], 1, vm)
    before = asker.get(where)
    holder.snapshot = estate.moved(ESTATE, vm, to=2)
    assert asker.get(where) != before
    assert asker.get(REVISION).value == Counter64(ESTATE.revision + 1)


def test_a_set_outside_of_the_view_has_no_access_and_inside_of_it_nothing_to_write():
    limited = Asker(running.make(running.Holder(ESTATE)), b"systemonly")
    assert limited.ask(PduType.SET, SYS_NAME).error_status == ErrorStatus.NOT_WRITABLE
    assert limited.ask(PduType.SET, (1, 3, 6, 1, 2, 1, 1, 99, 0)).error_status == ErrorStatus.NOT_WRITABLE
    assert limited.ask(PduType.SET, (1, 3, 6, 1, 2, 1, 1, 6, 0)).error_status == ErrorStatus.NO_ACCESS
    assert limited.ask(PduType.SET, (*TABLES["entity"], 5, 1)).error_status == ErrorStatus.NO_ACCESS


@pytest.mark.parametrize("columns", [[2], [2, 3, 4, 5], [*range(2, 14)]])
@pytest.mark.parametrize("repetitions", [1, 4, 25, 63, 64, 65, 149])
def test_rows_are_the_same_across_shards_and_gaps_whatever_the_number_of_columns(asker, columns, repetitions):
    for start in (1, 29, 63, 64, 70, 127, 320, 359):
        oids = [(*TABLES["entity"], column, start) for column in columns]
        found = asker.varbinds(PduType.GET_BULK, *oids, numbers=(0, repetitions))
        assert still(found) == still(expected_bulk(asker, oids, 0, repetitions))


class CountingTree(Tree):
    """Counts the varbinds that were looked up."""

    looked_up = 0

    def take(self, position, count, serial):
        taken, after = super().take(position, count, serial)
        self.looked_up += len(taken)
        return taken, after


def test_of_thousands_of_names_and_repetitions_only_what_there_is_room_for_is_looked_up():
    publisher = running.make(running.Holder(ESTATE))
    publisher.renderer.use(ESTATE)
    tree = CountingTree(publisher.renderer.columns)
    names = encode_varbinds(VarBind((*TABLES["entity"], 5)) for _ in range(4_500))
    request = Request(Version.V2C, b"public", PduType.GET_BULK, 0, 1_000, names, b"", b"")
    _, _, varbinds = answer(request, View(tree, tree, EVERYTHING), publisher.renderer.serial, 20_000)
    assert 19_950 < len(varbinds) <= 20_000
    assert tree.looked_up <= len(decode_varbinds(varbinds)) + 1
