"""Guest agents: what they tell, where it is known, and that one that hangs delays no other."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.collectors.libvirt import agents as agents_module
from gateway.collectors.libvirt.agents import Agents
from gateway.collectors.libvirt.guests import Guests, guest_of
from gateway.collectors.libvirt.records import (
    Domain,
    DomainDefinition,
    DomainReading,
    DomainStatus,
    Guest,
    HostFacts,
    HostReading,
)
from gateway.collectors.libvirt.remembered import Remembered, load, save
from gateway.collectors.libvirt.settings import LibvirtSettings
from gateway.collectors.libvirt.worker import Calls

TOLD = {  # guestInfo of libvirt 9.0.0, qemu-guest-agent 7.2 in a busybox guest
    "os.id": "virtlab",
    "os.name": "VirtLab Linux",
    "os.pretty-name": "VirtLab Linux 1 (busybox)",
    "os.version-id": "1",
    "os.machine": "x86_64",
    "os.kernel-release": "6.1.0-56-cloud-amd64",
    "hostname": "vm1",
    "user.count": 0,
    "disk.count": 1,
    "disk.0.name": "/dev/vda",
    "fs.count": 1,
    "fs.0.mountpoint": "/",
    "fs.0.fstype": "ext4",
    "if.count": 2,
    "if.0.name": "lo",
    "if.0.hwaddr": "00:00:00:00:00:00",
    "if.0.addr.count": 2,
    "if.0.addr.0.addr": "127.0.0.1",
    "if.0.addr.1.addr": "::1",
    "if.1.name": "eth0",
    "if.1.hwaddr": "52:54:00:77:01:01",
    "if.1.addr.count": 2,
    "if.1.addr.0.type": "ipv4",
    "if.1.addr.0.addr": "10.62.1.1",
    "if.1.addr.0.prefix": 16,
    "if.1.addr.1.addr": "fe80::5054:ff:fe77:101",
}
WEB = Guest(
    "web",
    "vm1",
    "VirtLab Linux 1 (busybox)",
    "1",
    "6.1.0-56-cloud-amd64",
    (("52:54:00:77:01:01", ("10.62.1.1",)),),
    (("/", "ext4"),),
)


def domain(uuid: str, *, active: bool = True, agent: str = "connected") -> Domain:
    state = (1, 1) if active else (5, 4)
    return Domain(DomainStatus(uuid, uuid, 1 if active else -1, *state), DomainDefinition(agent=agent))


def host(name: str, *domains: Domain) -> HostReading:
    return HostReading(name, HostFacts(), domains)


def test_what_an_agent_tells_is_taken_without_what_every_machine_has() -> None:
    assert guest_of("web", TOLD) == WEB


def test_an_agent_that_knows_little_is_a_guest_too() -> None:
    assert guest_of("web", {"hostname": "vm1"}) == Guest("web", "vm1")
    assert guest_of("web", {}) == Guest("web")


def test_a_guest_goes_with_its_domain_from_host_to_host() -> None:
    guests = Guests([WEB])
    here, there = host("a", domain("web")), host("b")
    guests.note(here)
    guests.note(there)
    assert guests.of(here) == {"web": WEB}
    left, arrived = host("a", domain("web", active=False)), host("b", domain("web"))
    guests.note(arrived)
    guests.note(left)
    assert (guests.of(left), guests.of(arrived)) == ({}, {"web": WEB})


def test_a_guest_that_is_off_is_still_known_until_no_host_has_its_domain() -> None:
    guests = Guests([WEB])
    off = host("a", domain("web", active=False))
    guests.note(off)
    assert guests.of(off) == {"web": WEB}
    version = guests.version
    guests.note(DomainReading("a", frozenset({"web"})))
    assert (guests.all, guests.version > version) == ((), True)


def test_guests_whose_domain_went_unseen_are_dropped_when_all_hosts_were_read() -> None:
    guests = Guests([WEB, Guest("mail"), Guest("gone")], ["a", "b"])
    guests.note(host("a", domain("web")))
    guests.note(DomainReading("b", frozenset({"mail"}), (domain("mail"),)))
    guests.note(host("a", domain("web")))
    assert {guest.uuid for guest in guests.all} == {"web", "mail", "gone"}
    version = guests.version
    guests.note(host("b", domain("mail", active=False)))
    assert {guest.uuid for guest in guests.all} == {"web", "mail"}
    assert guests.version > version


def test_only_news_are_news() -> None:
    guests = Guests()
    assert guests.learn(WEB)
    assert not guests.learn(guest_of("web", TOLD))
    assert guests.version == 1


def test_what_is_remembered_survives_a_restart(tmp_path: Path) -> None:
    known = Remembered((WEB, Guest("mail")), (("h1/images", "h2/images"),))
    assert save(tmp_path / "fleet.json", known)
    assert load(tmp_path / "fleet.json") == known


@pytest.mark.parametrize("content", ["", "{", "[]", '{"guests": [{}], "pairs": []}', '{"guests": 1}', "\xff"])
def test_a_file_that_is_damaged_is_as_none(content: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "fleet.json").write_bytes(content.encode("latin-1"))
    assert load(tmp_path / "fleet.json") == Remembered()
    assert "fleet.json cannot be used" in caplog.text
    assert load(tmp_path / "none.json") == Remembered()


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not save(tmp_path / "no" / "fleet.json", Remembered())
    assert "Make the state folder writable" in caplog.text


async def test_an_agent_that_hangs_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, answered = threading.Event(), asyncio.Event()
    learned: list[str] = []
    asked: list[str] = []

    def learn(guest: Guest) -> None:
        learned.append(guest.uuid)
        if len(learned) == 3:
            answered.set()

    def ask(_connection: Any, uuid: str, calls: Calls) -> Guest:
        asked.append(uuid)
        if uuid == "b":
            calls(uuid, go_on.wait)
        return Guest(uuid)

    monkeypatch.setattr(agents_module, "_asked", ask)
    monkeypatch.setattr(agents_module, "SETTLE_S", 0.0)
    settings = LibvirtSettings.model_validate(
        {"kind": "libvirt", "hosts": {"h1": "test:///default"}, "agent_timeout_s": 0.1}
    )
    agents = Agents("h1", settings, learn)
    task = asyncio.create_task(agents.run())
    agents.note(host("h1", *map(domain, "abcd"), domain("off", active=False), domain("none", agent="disconnected")))
    async with asyncio.timeout(5):
        await answered.wait()
    assert learned == ["a", "c", "d"]
    agents.note(host("h1", *map(domain, "acd")))
    agents.note(host("h1", *map(domain, "abcd")))
    await asyncio.sleep(0.3)
    assert asked.count("b") == 1
    go_on.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
