"""The parts of a source as they are listed: who was read when, and who does not answer."""

import json

from gateway.app.commands_list import line, source_row
from gateway.publishers.rest import render
from gateway.topology.scopes import Scope, scopes_of
from tests.topology.house import T0
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
    model = render.source_model(view, view.sources["fleet"], T0 + 50 * SECOND)
    row = source_row(json.loads(model.model_dump_json()))
    assert row[2] == "ok, 1 of 2 parts silent"
    assert "connection refused" in str(row[-1])


def test_an_event_of_a_part_that_no_entity_stands_for_names_it():
    event = {"at": "T", "kind": "stale_raised", "entity": {"name": "lab"}, "old_host": None, "new_host": None}
    said = {"cause": None, "condition": "sourceStale", "planned": False, "live": False, "text": "", "told": True}
    assert "  h9 (lab)  " in line({**event, **said, "alarm_key": "sourceStale:some-id:h9"})
    assert "  lab  " in line({**event, **said, "alarm_key": "sourceStale:some-id"})
