"""Texts that are told: whoever reads nothing else knows what they are about."""

import pytest

from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityKind, NativeKey
from gateway.model.observations import ObservedCondition
from gateway.topology.naming import naming
from tests.topology.house import House, entity, on, vm

HOST, WEB = NativeKey(EntityKind.HYPERVISOR, "h1"), vm("web")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the guest crashed: kernel panic", "web: the guest crashed: kernel panic"),
        ("web crashed on h1", "web crashed on h1"),
        ("Resource web, of a group, is blocked", "Resource web, of a group, is blocked"),
        ("No instance runs of web.", "No instance runs of web."),
        ("web-2 took its address", "web: web-2 took its address"),
        ("www.web crashed", "web: www.web crashed"),
        ("web.example.net does not answer", "web: web.example.net does not answer"),
        ("", ""),
    ],
)
def test_a_name_is_said_once(said: str, told: str):
    assert naming("web", said) == told


def test_a_name_of_signs_is_a_name():
    assert naming("a+b (old)", "a+b (old) crashed") == "a+b (old) crashed"


@pytest.mark.parametrize(
    ("said", "told"),
    [("the guest crashed: kernel panic", "web: the guest crashed: kernel panic"), ("", "web: crashed")],
)
def test_a_failure_names_its_vm_whatever_the_source_says(said: str, told: str):
    house, dead = House(), ObservedCondition(ConditionKind.CRASHED, WEB, text=said)
    house.see(0, [entity(HOST, ""), entity(WEB, "")], [on(WEB, HOST)], [dead])
    (failure,) = house.wait(10)
    assert failure.text == told
