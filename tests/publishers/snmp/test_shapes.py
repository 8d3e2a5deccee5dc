"""Requests that are answered without decoding their names get what the others get, and no damaged one slips through."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.publishers.snmp.shapes import Shapes
from gateway.publishers.snmp.walk import Tree
from gateway.wire.errors import DecodeError
from gateway.wire.names import read_names
from gateway.wire.values import VarBind, decode_varbinds, encode_varbinds
from tests.publishers.snmp import estate, running
from tests.publishers.snmp.asking import TABLES

PUBLISHER = running.make(running.Holder(estate.snapshot(150)))
TREE: Tree = PUBLISHER.agent._communities[b"public"].view.v2
ENTITY, WHERE = TABLES["entity"], TABLES["where"]
INDEXES = st.sampled_from([0, 1, 63, 64, 127, 128, 16_383, 16_384, 2**21, 2**28 - 1, 2**28, 2**32 - 1])


def named(columns: list[tuple[int, ...]], index: int) -> bytes:
    return encode_varbinds([VarBind((*column, index)) for column in columns])


@pytest.mark.parametrize("count", [1, 2, 12])
@given(index=INDEXES)
def test_columns_of_one_row_are_found_with_the_index(count, index):
    columns = [(*ENTITY, number) for number in range(2, 2 + count)]
    found = Shapes(TREE.columns).find(named(columns, index))
    if index < 2**28:
        assert found is not None
        assert ([column.prefix for column in found[0].columns], found[1]) == (columns, index)
    else:
        assert found is None


@pytest.mark.parametrize(
    "names",
    [
        [(*ENTITY, 5, 7), (*ENTITY, 6, 8)],
        [(*ENTITY, 5, 7), (*WHERE, 2, 7)],
        [(*ENTITY, 99, 7)],
        [ENTITY],
        [(*TABLES["relation"], 4, 1, 1, 2)],
        [(*ENTITY, 5, 7), (*ENTITY, 5, 7, 7)],
    ],
    ids=["two rows", "two tables", "no column", "no index", "a longer index", "one too long"],
)
def test_anything_else_is_not_found(names):
    assert Shapes(TREE.columns).find(encode_varbinds([VarBind(name) for name in names])) is None


@settings(max_examples=600)
@given(
    st.lists(st.sampled_from([2, 3, 5, 13]), min_size=1, max_size=3),
    INDEXES,
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=2),
    st.binary(max_size=2),
)
def test_what_is_found_is_what_the_names_say(numbers, index, changes, more):
    shapes = Shapes(TREE.columns)
    columns = [(*ENTITY, number) for number in numbers]
    for known in (1, 64, 200, 20_000, 2**21):  # shapes with an index of each length were met before
        shapes.find(named(columns, known))
    octets = bytearray(named(columns, index))
    for place, octet in changes:
        octets[place % len(octets)] = octet
    data = bytes(octets) + more
    found = shapes.find(data)
    if found is None:
        return
    try:
        oids, _ = read_names(data)
        decode_varbinds(data)
    except DecodeError:
        pytest.fail("malformed, and found")
    assert [(*column.prefix, found[1]) for column in found[0].columns] == oids


def test_shapes_are_bounded():
    shapes = Shapes(TREE.columns)
    for number in range(6_000):
        digits = [2 + number // 10**place % 10 for place in range(4)]
        assert shapes.find(named([(*ENTITY, digit) for digit in digits], 5)) is not None
    assert len(shapes._known) <= 4096
