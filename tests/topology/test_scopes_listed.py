"""The parts of a source as they are listed: who was read when, and who does not answer."""

import json

from gateway.app.commands_list import line, source_row
from gateway.model.observations import ScopeFailure
from gateway.model.rows import SourceState
from gateway.publishers.rest import render
from gateway.topology.revise import scope_failed
from gateway.topology.scopes import Scope, scopes_of, sources_shown
from tests.topology.house import T0
from tests.topology.layers import hypervisor
from tests.topology.test_where_silent import SECOND, estate


def test_each_host_of_a_fleet_is_a_part_and_the_silent_one_says_why():
    h1, h2 = scopes_of(estate().snapshot, "fleet")
    assert (h1.name, h1.read_at, h1.failing_since, h1.silent) == ("h1", T0, T0 + 30 * SECOND, True)
    assert "connection refused" in h1.error
    assert h2 == Scope("h2", T0)


def test_a_source_that_is_read_as_one_has_no_parts():
    assert scopes_of(estate().snapshot, "lab") == ()


def test_a_silent_host_is_part_of_the_state_of_its_source():
    view = estate().snapshot
    model = render.source_model(view, sources_shown(view)["fleet"], T0 + 50 * SECOND)
    row = source_row(json.loads(model.model_dump_json()))
    assert row[2] == "failing, 1 of 2 parts silent"
    assert "connection refused" in str(row[-1])


def test_a_part_that_fails_and_is_not_silent_yet_is_told_with_its_error():
    house = estate(silent=())
    for host in ("h2", "h1"):
        failure = ScopeFailure("fleet", T0 + 50 * SECOND, host, "no route to host", hypervisor(host))
        house.snapshot, _ = scope_failed(house.snapshot, failure, house.settle_times, lambda: "id")
    shown = sources_shown(house.snapshot)["fleet"]
    assert (shown.state, shown.failing_since) == (SourceState.FAILING, T0 + 50 * SECOND)
    assert shown.last_error == "h1: no route to host (other parts that fail: h2)"


def test_a_source_whose_parts_all_answer_is_shown_as_it_is():
    view = estate(silent=()).snapshot
    assert sources_shown(view) == view.sources


def test_an_event_of_a_part_that_no_entity_stands_for_names_it():
    event = {"at": "T", "kind": "stale_raised", "entity": {"name": "lab"}, "old_host": None, "new_host": None}
    said = {"cause": None, "condition": "sourceStale", "planned": False, "live": False, "text": "", "told": True}
    assert "  h9 (lab)  " in line({**event, **said, "alarm_key": "sourceStale:some-id:h9"})
    assert "  lab  " in line({**event, **said, "alarm_key": "sourceStale:some-id"})
