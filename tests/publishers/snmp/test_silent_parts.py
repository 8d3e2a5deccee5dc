"""A host of a fleet that does not answer, over SNMP: what is said of its VMs, and of its source."""

from typing import Any

from gateway.model.rows import SourceState
from gateway.publishers.snmp.render import Renderer
from gateway.schema.snmp.enums import Whereabouts
from gateway.topology.lookup import resolve
from tests.publishers.snmp.test_render import column
from tests.topology.house import T0, House
from tests.topology.layers import Fleet
from tests.topology.test_where_silent import SECOND, estate


def shown(renderer: Renderer, name: str, index: int) -> Any:
    """The value of a column in the row of an index."""
    segment = column(renderer, name).refresh(index >> 6)
    return dict(zip(segment.keys, segment.values, strict=True))[index]


def whereabouts(renderer: Renderer, house: House, name: str) -> tuple[Whereabouts, int]:
    index = resolve(house.snapshot, name).index
    return shown(renderer, "topoWhereState", index), shown(renderer, "topoWhereLeftAt", index)


def test_a_vm_on_a_host_that_does_not_answer_is_last_known_there_as_of_the_last_read():
    house, renderer = estate(), Renderer()
    renderer.use(house.snapshot)
    assert whereabouts(renderer, house, "vm:v1") == (Whereabouts.LAST_KNOWN, T0)
    assert whereabouts(renderer, house, "vm:v2") == (Whereabouts.HERE, 0)


def test_it_is_here_again_when_its_host_answers():
    house, renderer = estate(), Renderer()
    renderer.use(house.snapshot)
    whereabouts(renderer, house, "vm:v1")
    fleet = Fleet(house, ("h1", "h2"), ("v1", "v2", "n1"))
    for name, host in {"v1": "h1", "n1": "h1", "v2": "h2"}.items():
        fleet.run(name, host)
    fleet.read(60)
    renderer.use(house.snapshot)
    assert whereabouts(renderer, house, "vm:v1") == (Whereabouts.HERE, 0)
    source = house.snapshot.sources["fleet"].index
    assert shown(renderer, "topoSourceState", source) is SourceState.OK
    assert shown(renderer, "topoSourceLastError", source) == ""
    assert renderer.stale_sources == 0


def test_a_source_with_a_silent_part_fails_since_then_and_says_which_and_why():
    house, renderer = estate(), Renderer()
    renderer.use(house.snapshot)
    source = house.snapshot.sources["fleet"].index
    assert shown(renderer, "topoSourceState", source) is SourceState.FAILING
    assert shown(renderer, "topoSourceFailingSince", source) == T0 + 30 * SECOND
    error = shown(renderer, "topoSourceLastError", source)
    assert error.startswith("h1 of source fleet has not answered")
    assert "connection refused" in error
    assert renderer.stale_sources == 1
