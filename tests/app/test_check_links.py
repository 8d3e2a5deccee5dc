"""The check of names that lead nowhere: a source that is not configured, and what a source does not show."""

import json
from dataclasses import replace

from click.testing import CliRunner

from gateway.app.check_links import check_links
from gateway.app.cli import main
from gateway.app.findings import Finding, Outcome
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.rows import Source, SourceState
from gateway.model.snapshot import Snapshot
from tests.app.estate import Estate
from tests.topology.house import House, entity

UUID = "7c1f1f0e-3a54-4b0f-9c41-0d7f5a1b2c3d"
VM = NativeKey(EntityKind.VM, UUID)


def fleet(last_success: int = 1) -> Snapshot:
    """A fleet with one VM, vm3."""
    house = House()
    house.see(0, [replace(entity(VM), name="vm3")], source="fleet")
    row = Source(9, "id", "fleet", "libvirt", SourceState.OK, 60_000_000, last_success)
    return replace(house.snapshot, sources={"fleet": row})


def check(end: str, snapshot: Snapshot | None) -> list[Finding]:
    return list(check_links({"facts": {end}}, ["fleet", "prod"], snapshot))


def test_a_source_that_is_not_configured_is_wrong_also_before_anything_was_read() -> None:
    (found,) = check("prdo/ha_resource/svc-a", None)
    assert found == Finding(
        "source facts: prdo/ha_resource/svc-a",
        Outcome.FAILED,
        "no source 'prdo' is configured. Did you mean prod/ha_resource/svc-a?",
    )
    (far,) = check("kvm/vm/x", None)
    assert far.said == "no source 'kvm' is configured. Configured: fleet, prod."


def test_a_name_in_place_of_the_native_is_warned_of_with_the_native() -> None:
    (found,) = check("fleet/vm/vm3", fleet())
    assert found.outcome is Outcome.WARNING
    assert found.said.endswith(f"it showed no vm 'vm3'. Did you mean fleet/vm/{UUID} (vm3)?")


def test_what_a_source_shows_or_was_never_asked_for_is_no_finding() -> None:
    assert check(f"fleet/vm/{UUID}", fleet()) == []
    assert check("fleet/vm/vm3", None) == check("fleet/vm/vm3", fleet(last_success=0)) == []
    assert check("prod/ha_resource/web", fleet()) == []


def test_the_command_says_it_and_fails(estate: Estate) -> None:
    (estate.folder / "facts.yaml").write_text("services: [{name: shop, members: [estat/vm/web]}]\n")
    estate.configure(
        """
        [sources.estate]
        kind = "simulated"
        [sources.facts]
        kind = "declared"
        file = "facts.yaml"
        [publishers.snmp]
        enabled = false
        [publishers.rest]
        listen = "127.0.0.1:0"
        """
    )
    result = CliRunner().invoke(main, ["check", "--json", "--config", str(estate.config)])
    found = {finding["what"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert found["source facts"]["outcome"] == "ok"
    assert found["source facts: estat/vm/web"]["said"].endswith("Did you mean estate/vm/web?")
