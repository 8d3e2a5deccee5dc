"""What nothing repairs by itself, and what is only a moment."""

import pytest

from gateway.collectors.pacemaker.conditions import JUDGED, device_targets
from gateway.model.conditions import ConditionKind
from gateway.model.observations import Observation, ObservedCondition
from tests.collectors.pacemaker.given import changed, observation, octets


def told(seen: Observation) -> list[tuple[str, str]]:
    return [(one.kind.value, one.entity.native) for one in seen.conditions]


def only(seen: Observation) -> ObservedCondition:
    (condition,) = seen.conditions
    return condition


def test_a_quiet_cluster_has_none_and_all_kinds_were_judged():
    seen = observation("quiet", "quiet-cib")
    assert told(seen) == []
    assert seen.judged == JUDGED


def test_blocked_names_the_remedy():
    condition = only(observation("blocked"))
    assert (condition.kind, condition.entity.native) == (ConditionKind.BLOCKED, "svc-a")
    assert "crm_resource --cleanup --resource svc-a" in condition.remedy


def test_failed_on_every_node_is_exhausted():
    condition = only(observation("exhausted", "exhausted-cib"))
    assert (condition.kind, condition.entity.native, condition.holding) == (ConditionKind.EXHAUSTED, "svc-b", True)
    assert "n1 1/1" in condition.text
    assert "crm_resource --cleanup --resource svc-b" in condition.remedy


def test_a_node_that_may_still_run_it_is_no_exhaustion():
    still = changed("exhausted", ('migration-threshold="1" fail-count="2"', 'migration-threshold="3" fail-count="2"'))
    assert told(observation(still, "exhausted-cib")) == []


def test_a_ban_on_the_last_node_exhausts_as_well():
    still = changed(
        "exhausted",
        ('migration-threshold="1" fail-count="2"', 'migration-threshold="3" fail-count="2"'),
        (
            "</node_history>",
            "</node_history><bans><ban id='cli-ban-x' resource='svc-b' node='n2' weight='-1000000'/></bans>",
        ),
    )
    condition = only(observation(still, "exhausted-cib"))
    assert condition.kind is ConditionKind.EXHAUSTED
    assert "crm_resource --clear --resource svc-b" in condition.remedy


def test_a_node_that_is_only_disliked_may_still_run_it():
    still = changed(
        "exhausted",
        ('migration-threshold="1" fail-count="2"', 'migration-threshold="3" fail-count="2"'),
        ("</node_history>", "</node_history><bans><ban id='dislike' resource='svc-b' node='n2' weight='-5'/></bans>"),
    )
    assert told(observation(still, "exhausted-cib")) == []


META = '<nvpair id="svc-b-migration-threshold" name="migration-threshold" value="1"/>'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (META, '<nvpair id="x" name="target-role" value="Stopped"/>'),
        (
            "<constraints/>",
            "<constraints/><rsc_defaults><meta_attributes id='d'>"
            "<nvpair id='t' name='target-role' value='stopped'/></meta_attributes></rsc_defaults>",
        ),
        ("<constraints/>", "<constraints><rsc_ticket id='t' rsc='svc-b' ticket='elsewhere'/></constraints>"),
        ("<crm_config>", "<crm_config><cluster_property_set id='s'><nvpair id='n' name='x' value='y'/>"),
    ],
    ids=["target-role", "rsc_defaults", "ticket", "control"],
)
def test_what_is_not_wanted_is_not_exhausted(old, new):
    if "<crm_config>" in old:
        new += "</cluster_property_set>"
    cib = changed("exhausted-cib", (old, new))
    expected = ["exhausted"] if "<crm_config>" in old else []
    assert [kind for kind, _ in told(observation("exhausted", cib))] == expected


@pytest.mark.parametrize("option", ["maintenance-mode", "stop-all-resources"])
def test_nothing_is_wanted_of_a_cluster_that_is_told_to_do_nothing(option):
    off = changed("exhausted", (f'{option}="false"', f'{option}="true"'))
    assert told(observation(off, "exhausted-cib")) == []


def test_exhaustion_waits_while_the_cluster_is_busy():
    busy = changed("exhausted", ('<resource id="svc-a"', '<resource pending="Starting" id="svc-a"'))
    condition = only(observation(busy, "exhausted-cib"))
    assert (condition.kind, condition.holding) == (ConditionKind.EXHAUSTED, False)


def test_fencing_that_failed_as_often_as_allowed():
    condition = only(observation("fencing-failed", "fencing-cib"))
    assert (condition.kind, condition.entity.native) == (ConditionKind.FENCING_FAILED, "n1")
    assert "stonith_admin --confirm n1" in condition.remedy
    assert "app-db" in condition.text


def test_fencing_may_still_succeed_while_attempts_are_left():
    assert told(observation("fencing-again", "fencing-cib")) == []
    patient = changed(
        "fencing-cib", ('name="stonith-max-attempts" value="3"', 'name="stonith-max-attempts" value="10"')
    )
    assert told(observation("fencing-failed", patient)) == []


def test_fencing_has_failed_at_once_where_no_device_can_do_it():
    patient = changed(
        "fencing-cib",
        ('name="stonith-max-attempts" value="3"', 'name="stonith-max-attempts" value="10"'),
        ('value="n1 n2 n3"', 'value="n2 n3"'),
    )
    condition = only(observation("fencing-failed", patient))
    assert condition.kind is ConditionKind.FENCING_FAILED
    assert "no fence device" in condition.text


def test_quorum_lost_is_of_the_cluster():
    condition = only(observation("without-quorum", "fencing-cib"))
    assert (condition.kind, condition.entity.native) == (ConditionKind.QUORUM_LOST, "halab")


def test_failed_and_unmanaged():
    text = octets("quiet").decode()
    start = text.index("managed=", text.index('<resource id="svc-a"'))
    broken = text[:start] + text[start:].replace('managed="true" failed="false"', 'managed="false" failed="true"', 1)
    condition = only(observation(broken.encode()))
    assert (condition.kind, condition.entity.native) == (ConditionKind.FAILED_UNMANAGED, "svc-a")


def test_nobody_promoted_counts_when_the_cluster_is_idle():
    demoted = changed("quiet", ('role="Promoted"', 'role="Unpromoted"'))
    condition = only(observation(demoted))
    assert (condition.kind, condition.entity.native, condition.holding) == (
        ConditionKind.NO_PROMOTED,
        "db-clone",
        True,
    )
    assert only(observation("failover")).holding is False


def test_nobody_promoted_is_fine_when_none_is_wanted():
    demoted = changed("quiet", ('role="Promoted"', 'target_role="Unpromoted" role="Unpromoted"'))
    assert told(observation(demoted)) == []


def test_a_bundle_without_a_promoted_replica():
    assert told(observation("guests", "guests-cib")) == [("noPromoted", "httpd")]
    revoked = changed("guests", ('status="granted"', 'status="revoked"'))
    assert told(observation(revoked, "guests-cib")) == []


def test_every_node_in_standby_is_a_finding():
    resting = changed("quiet", ('standby="false"', 'standby="true"'))
    condition = only(observation(resting))
    assert (condition.kind, condition.detail) == (ConditionKind.DEGRADED, "standby")


def test_a_fence_device_that_failed_and_is_stopped_is_a_finding():
    text = octets("quiet").decode()
    start = text.index('<resource id="power"')
    end = text.index("</resource>", start) + len("</resource>")
    stopped = (
        '<resource id="power" resource_agent="stonith:fence_halab" role="Stopped" active="false" orphaned="false" '
        'managed="true" failed="true" failure_ignored="false" nodes_running_on="0"/>'
    )
    condition = only(observation((text[:start] + stopped + text[end:]).encode()))
    assert (condition.kind, condition.entity.native) == (ConditionKind.DEGRADED, "power")


@pytest.mark.parametrize(
    ("parameters", "targets"),
    [
        ({"pcmk_host_list": "n1,n2 n3"}, {"n1": "n1", "n2": "n2", "n3": "n3"}),
        ({"pcmk_host_map": "n1:vm1;n2:vm2,vm3"}, {"n1": "vm1", "n2": "vm2,vm3"}),
        ({"pcmk_host_list": "n1", "port": "blade1"}, {"n1": "blade1"}),
        ({}, None),
        ({"pcmk_host_list": "n1", "pcmk_host_check": "dynamic-list"}, None),
    ],
)
def test_targets_of_fence_devices(parameters, targets):
    assert device_targets(parameters) == targets
