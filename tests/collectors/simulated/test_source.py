"""The simulated source: settings that say what is wrong, and an estate that lives on while the gateway is away."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.collectors.simulated import PLUGIN
from gateway.collectors.simulated.settings import SimulatedSettings
from gateway.collectors.simulated.source import SimulatedSource
from gateway.model.errors import SourceUnavailable
from gateway.model.observations import Observation, Report, Whole
from gateway.model.ports import CollectorContext
from gateway.model.relations import Phase, RelationKind
from gateway.support.clock import FakeClock, SystemClock


def settings(**given: Any) -> SimulatedSettings:
    return SimulatedSettings(kind="simulated", **given)


class _EnoughError(Exception):
    pass


async def reported(source: SimulatedSource, count: int, timeout_s: float = 20.0) -> list[Observation]:
    """The first `count` reports of a run."""
    seen: list[Observation] = []

    async def report(one: Report) -> None:
        assert isinstance(one, Observation)
        seen.append(one)
        if len(seen) >= count:
            raise _EnoughError

    with suppress(_EnoughError):
        await asyncio.wait_for(source.run(report), timeout_s)
    return seen


async def test_everything_is_read_once_then_what_changes(tmp_path: Path) -> None:
    given = settings(hosts=3, vms_per_host=4, events_per_minute=60.0, speed=50.0)
    source = PLUGIN.create("demo", given, CollectorContext(SystemClock().now, tmp_path, tmp_path))
    assert isinstance(source, SimulatedSource)
    seen = await reported(source, 9)
    assert [one.covers for one in seen[:5]] == [
        Whole("sites"), Whole("hv-0001"), Whole("hv-0002"), Whole("hv-0003"), Whole("ha1"),
    ]  # fmt: skip
    assert any(relation.phase is Phase.TRANSITIONAL for one in seen[5:] for relation in one.relations)


async def test_a_restarted_gateway_finds_the_estate_as_it_is_by_then_or_says_that_it_is_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    context = CollectorContext(clock.now, tmp_path, tmp_path)
    given = settings(hosts=3, vms_per_host=10, events_per_minute=60.0)

    def placed(views: list[Observation]) -> dict[str, str]:
        relations = [r for view in views for r in view.relations if r.kind is RelationKind.RUNS_ON]
        return {r.upper.native: r.lower.native for r in relations if r.upper.kind == "vm" and r.phase is Phase.STABLE}

    first = placed(await reported(SimulatedSource("demo", given, context), 5))
    again = placed(await reported(SimulatedSource("demo", given, context), 5))
    clock.advance(120.0)
    later = placed(await reported(SimulatedSource("demo", given, context), 5))
    slower = given.model_copy(update={"interval_s": 90.0})
    once_more = placed(await reported(SimulatedSource("demo", slower, context), 5))
    assert "another estate" not in caplog.text
    other = placed(await reported(SimulatedSource("demo", settings(hosts=3, vms_per_host=10, seed=2), context), 5))
    assert first == again
    assert later != first
    assert once_more == later
    assert other.keys() != first.keys()
    assert "source demo: other settings are another estate, which begins now" in caplog.text


async def test_a_damaged_note_of_the_beginning_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "simulated-demo.json").write_text('{"began_at": [}')
    source = SimulatedSource("demo", settings(hosts=3), CollectorContext(SystemClock().now, tmp_path, tmp_path))
    assert len(await reported(source, 4)) == 4


async def test_a_state_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    context = CollectorContext(SystemClock().now, tmp_path / "none", tmp_path)
    with pytest.raises(SourceUnavailable, match="Make the state folder writable"):
        await reported(SimulatedSource("demo", settings(), context), 1)


async def test_probe_says_what_there_is(tmp_path: Path) -> None:
    context = CollectorContext(SystemClock().now, tmp_path, tmp_path)
    line = await SimulatedSource("demo", settings(hosts=3, vms_per_host=7), context).probe()
    assert line == "3 hosts, 21 VMs, 1 HA clusters (simulated)"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hosts": 2000, "vms_per_host": 51}, "hosts x vms_per_host is 102000, the most is 100000"),
        ({"hosts": 1, "vms_per_host": 2}, "need 3 VMs, hosts x vms_per_host is 2"),
        ({"script": [{"at_s": 1, "do": "fail_host", "what": "hv-0009"}]}, "script.0.what = 'hv-0009': there is none"),
        ({"script": [{"at_s": 1, "do": "move_group", "to": "hv-0001"}]}, "script.0.to = 'hv-0001': there is none"),
        ({"script": [{"at_s": 1, "do": "explode"}]}, "script.0.do"),
    ],
)
def test_settings_say_what_is_wrong(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings(**given)
    assert message in str(error.value)
