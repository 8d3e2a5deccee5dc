"""One daemon under two names of a fleet: the second is left out and named, and nothing is in two places."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.collectors.libvirt.probing import sort_out
from gateway.collectors.libvirt.records import HostFacts, HostReading
from gateway.collectors.libvirt.remembered import load
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.source import LibvirtSource
from gateway.collectors.libvirt.twins import Twins
from gateway.model.errors import SourceUnavailable
from gateway.model.observations import Observation, Report
from gateway.model.ports import CollectorContext
from tests.collectors.libvirt.given import VM1, domain, facts

OTHER = "7c1f1f0e-3a54-4b0f-9c41-0d7f5a1b2c3d"
URIS = {"h2": "qemu+tcp://10.88.0.12/system", "h2old": "qemu+tcp://h2.example.net/system"}


def settings(**hosts: str) -> LibvirtSettings:
    return LibvirtSettings.model_validate({"kind": "libvirt", "hosts": hosts or URIS})


def twins(**known: str) -> Twins:
    return Twins(settings(), known)


def test_one_daemon_under_two_names_is_the_first_of_them() -> None:
    both = twins()
    assert both.refusal("h2", facts("srv"), {VM1}) == ""
    assert both.refusal("h2old", facts("srv"), {VM1}).startswith(
        "it is the same host as h2: machine, host name srv and"
    )
    assert both.refusal("h2", facts("srv"), {VM1}) == ""


def test_it_is_the_same_one_after_a_restart_whichever_is_read_first() -> None:
    before = twins()
    before.refusal("h2", facts("srv"), {VM1})
    after = twins(**before.identities)
    assert "same host as h2" in after.refusal("h2old", facts("srv"), {OTHER})
    assert after.refusal("h2", facts("srv"), {OTHER}) == ""


def test_a_host_that_became_another_frees_its_daemon() -> None:
    both = twins()
    both.refusal("h2", facts("srv"), {VM1})
    assert both.refusal("h2", facts("new"), {OTHER}) == ""
    assert both.refusal("h2old", facts("srv"), {VM1}) == ""


@pytest.mark.parametrize(
    "other",
    [
        facts("another"),
        replace(facts("srv"), uuid="00000000-1111-4222-8333-444444444444"),
        replace(facts("srv"), driver="LXC"),
        HostFacts("srv", "TEST"),
    ],
)
def test_who_differs_in_machine_driver_or_name_is_another(other: HostFacts) -> None:
    both = twins()
    both.refusal("h2", facts("srv"), {VM1})
    assert both.refusal("h2old", other, {VM1}) == ""


def test_two_daemons_of_one_machine_have_domains_of_their_own_and_stay_two() -> None:
    both = twins()
    assert both.refusal("h2", facts("srv"), {VM1}) == both.refusal("h2old", facts("srv"), {OTHER}) == ""
    again = twins(**both.identities)
    assert again.refusal("h2old", facts("srv"), {OTHER}) == again.refusal("h2", facts("srv"), {VM1}) == ""


def test_who_says_nothing_of_its_machine_is_never_taken_for_another() -> None:
    both = twins()
    assert both.refusal("h2", HostFacts("srv", "TEST"), {VM1}) == ""
    assert both.refusal("h2old", HostFacts("srv", "TEST"), {VM1}) == ""


def test_the_check_names_the_second() -> None:
    found = (facts("srv"), frozenset({VM1}))
    counts, errors = sort_out({"h2": found, "h2old": found}, twins())
    assert counts == [1]
    assert [(host, said.split(":")[0]) for host, said in errors] == [("h2old", "it is the same host as h2")]


def test_the_check_names_the_one_that_the_gateway_left_out() -> None:
    gateway = twins()
    gateway.refusal("h2old", facts("srv"), {VM1})  # was read first
    found = (facts("srv"), frozenset({VM1}))
    _, errors = sort_out({"h2": found, "h2old": found}, twins(**gateway.identities))
    assert [host for host, _ in errors] == ["h2"]


async def test_of_the_second_nothing_is_reported_and_the_first_is_known_to_the_next_gateway(tmp_path: Path) -> None:
    heard: list[Report] = []

    async def report(one: Report) -> None:
        heard.append(one)

    source = LibvirtSource("fleet", settings(), CollectorContext(lambda: time.time_ns() // 1000, tmp_path, tmp_path))
    source._report = report
    reading = HostReading("h2", facts("srv"), (domain(),))
    await source.read(1, reading)
    heard.clear()
    with pytest.raises(
        SourceUnavailable, match=r"^it is the same host as h2: .* Take it out of hosts: h2 is the one that is followed$"
    ):
        await source.read(2, replace(reading, host="h2old"))
    assert not [one for one in heard if isinstance(one, Observation)]
    source._keep(source._to_keep())
    assert list(load(tmp_path / "libvirt-fleet.json").daemons) == ["h2"]
    assert "h2old" not in json.loads((tmp_path / "libvirt-fleet.json").read_text())["daemons"]
