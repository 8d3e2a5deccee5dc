"""The check of a fleet of which not all hosts answer: it has failed, and each host that does not has a line."""

import json

import pytest
from click.testing import CliRunner

from gateway.app.cli import main
from tests.app.estate import Estate

pytest.importorskip("libvirt")


def test_one_host_that_answers_is_not_enough(estate: Estate) -> None:
    estate.configure(
        """
        [sources.f]
        kind = "libvirt"
        hosts = { h1 = "test:///default", h2 = "qemu+tcp://127.0.0.1:1/system" }
        [publishers.snmp]
        enabled = false
        [publishers.rest]
        listen = "127.0.0.1:0"
        """
    )
    result = CliRunner().invoke(main, ["check", "--json", "--config", str(estate.config)])
    found = {finding["what"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert found["source f"]["outcome"] == found["source f: h2"]["outcome"] == "failed"
    assert found["source f"]["said"] == "libvirt hosts: 1 of 2 hosts answers, 1 domain there"
    assert "Connection refused; try `virsh " in found["source f: h2"]["said"]
    assert "source f: h1" not in found
