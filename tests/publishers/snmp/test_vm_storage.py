"""vmStorageTable: what a disk is, as far as its source tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.model.entities import EntityKind
from gateway.schema.snmp.vm_words import SourceType
from gateway.wire.values import Integer
from tests.publishers.snmp.asking import Asker
from tests.publishers.snmp.test_standard_mibs import hypervisors, make, shown


@pytest.mark.parametrize(
    ("subtype", "attributes", "source", "allocated"),
    [
        ("file", {"format": "raw"}, SourceType.RAW, 1024),
        ("file", {"format": "qcow2"}, SourceType.SPARSE, -1),
        ("file", {}, SourceType.UNKNOWN, -1),
        ("volume", {"format": "raw"}, SourceType.UNKNOWN, -1),
        ("block", {}, SourceType.BLOCK, 1024),
        ("nvme", {}, SourceType.BLOCK, 1024),
        ("rbd", {"format": "raw"}, SourceType.NETWORK, -1),
        ("vhostvdpa", {}, SourceType.OTHER, -1),
    ],
)
def test_only_a_block_device_and_a_raw_file_surely_take_the_room_that_they_have(subtype, attributes, source, allocated):
    snapshot = hypervisors()
    (volume,) = [entity for _, entity in snapshot.entities.rows() if entity.kind is EntityKind.VOLUME]
    disk = replace(volume, subtype=subtype, attributes={"capacity_bytes": 2**20, **attributes})
    publisher, _ = make(replace(snapshot, entities=snapshot.entities.evolve({volume.index: disk})))
    home = snapshot.placements.get(10)
    assert home is not None
    asker = Asker(publisher, f"public@host-{home.host:04d}".encode())
    assert list(shown(asker, 4, 11, 12, entry=7).values()) == [[Integer(source), Integer(1024), Integer(allocated)]]
