"""Content for consoles: every OID in it is an object of the MIB, under the name and with the type that it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.schema import smi

CONTENT = Path(__file__).parents[2] / "integrations"
MODULE = smi.parse(smi.MIB.read_text())
NAMES = {".".join(map(str, oid)): name for name, oid in MODULE.oids.items()}
COUNTERS = ("Counter32", "Counter64")


def test_icinga_asks_for_the_objects_that_its_comments_name():
    text = (CONTENT / "icinga2" / "topology-gateway.conf").read_text()
    asked = re.findall(r'snmp_oid = "([\d.]+)\.0" // (\w+)', text)
    assert len(asked) == text.count("snmp_oid") == 3
    assert dict(asked) == {oid: NAMES[oid] for oid, _ in asked}


def exporter() -> dict[str, Any]:
    module: dict[str, Any] = yaml.safe_load((CONTENT / "prometheus" / "snmp.yml").read_text())["modules"]
    return module["topology_gateway"]


def test_every_metric_of_the_exporter_is_an_object_of_the_mib_with_its_type():
    for metric in exporter()["metrics"]:
        assert NAMES[metric["oid"]] == metric["name"]
        syntax = MODULE.syntax[metric["name"]]
        assert (metric["type"] == "counter") == (syntax in COUNTERS)
        if "enum_values" in metric:
            assert {word: number for number, word in metric["enum_values"].items()} == MODULE.enums[syntax]
        for lookup in metric.get("lookups", ()):
            assert NAMES[lookup["oid"]] == lookup["labelname"]
            assert lookup["labels"] == [metric["indexes"][0]["labelname"]]


def test_the_exporter_walks_all_that_it_needs():
    module = exporter()
    needed = {metric["oid"] for metric in module["metrics"]}
    needed |= {lookup["oid"] for metric in module["metrics"] for lookup in metric.get("lookups", ())}
    assert [oid for oid in needed if not any(f"{oid}.".startswith(f"{walked}.") for walked in module["walk"])] == []


def test_severities_are_those_of_the_mib():
    [said] = [each["help"] for each in exporter()["metrics"] if each["name"] == "topoActiveAlarmSeverity"]
    assert {word: int(number) for number, word in re.findall(r"(\d) (\w+)", said)} == MODULE.enums["TopologySeverity"]
