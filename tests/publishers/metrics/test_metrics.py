"""/metrics: figures of the topology, the sources and the receivers, in the format that Prometheus reads."""

from dataclasses import dataclass, replace

from prometheus_client.parser import text_string_to_metric_families

from gateway.model.errors import StoreUnavailable
from gateway.model.ports import Delivery
from gateway.model.rows import SourceState
from gateway.model.snapshot import Snapshot
from gateway.publishers.metrics import Metrics
from gateway.publishers.metrics.topology import KindCounter
from gateway.support.clock import FakeClock
from tests.topology.estate import SECOND, T0, three_hosts
from tests.topology.test_where_silent import estate as silent_host


@dataclass
class Topology:
    snapshot: Snapshot


def scrape(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Samples by name and label values."""
    text, content_type = metrics.render()
    assert content_type.startswith("text/plain; version=")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def measured(estate, **options) -> dict[tuple[str, ...], float]:
    return scrape(Metrics(Topology(estate.snapshot()), FakeClock(T0 + 10 * SECOND), "9.9", **options))


def test_the_topology_is_counted():
    estate = three_hosts()
    estate.alarm("ha_resource:vip")
    found = measured(estate)
    assert found["gateway_entities", "vm"] == 3
    assert found["gateway_entities", "pod"] == 0
    assert found["gateway_alarms", "failure"] == 1
    assert found["gateway_alarms", "conflict"] == 0
    assert found["gateway_topology_revision",] == 7
    assert found["gateway_topology_unchanged_seconds",] == 10
    assert found["gateway_build_info", "9.9"] == 1


def test_a_settling_condition_is_no_alarm():
    estate = three_hosts()
    estate.alarm("ha_resource:vip", raised_at=0)
    assert measured(estate)["gateway_alarms", "failure"] == 0


def test_each_source_tells_its_state_reads_failures_duration_and_age():
    estate = three_hosts()
    source = replace(estate.sources["kvm"], state=SourceState.STALE, reads=12, failures=3, last_duration_us=1_500_000)
    estate.sources["kvm"] = source
    found = measured(estate)
    kvm = ("libvirt", "kvm")
    assert found["gateway_source_up", *kvm] == 0
    assert found["gateway_source_up", "pacemaker", "c1"] == 1
    assert found["gateway_source_state", *kvm, "stale"] == 1
    assert found["gateway_source_state", *kvm, "ok"] == 0
    assert found["gateway_source_reads_total", *kvm] == 12
    assert found["gateway_source_failures_total", *kvm] == 3
    assert found["gateway_source_read_duration_seconds", *kvm] == 1.5
    assert found["gateway_source_age_seconds", *kvm] == 11


def test_a_source_is_not_up_while_a_part_of_it_is_silent():
    found = scrape(Metrics(Topology(silent_host().snapshot), FakeClock(T0 + 50 * SECOND), "9.9"))
    assert found["gateway_source_up", "libvirt", "fleet"] == 0
    assert found["gateway_source_state", "libvirt", "fleet", "failing"] == 1


def test_a_source_that_was_never_read_has_no_age():
    estate = three_hosts()
    estate.sources["kvm"] = replace(estate.sources["kvm"], last_success=0)
    assert ("gateway_source_age_seconds", "libvirt", "kvm") not in measured(estate)


def test_receivers_tell_what_waits_and_how_it_went():
    deliveries = (Delivery("noc", 4, 90, 1, T0), Delivery("idle", 0, 0, 0))
    found = measured(three_hosts(), deliveries=lambda: deliveries)
    assert found["gateway_notifications_pending", "noc"] == 4
    assert found["gateway_notifications_oldest_pending_seconds", "noc"] == 10
    assert found["gateway_notifications_oldest_pending_seconds", "idle"] == 0
    assert found["gateway_notifications_total", "delivered", "noc"] == 90
    assert found["gateway_notifications_total", "failed", "noc"] == 1


def test_a_silent_database_leaves_out_the_receivers_and_keeps_the_rest():
    def silent():
        raise StoreUnavailable("gone")

    found = measured(three_hosts(), deliveries=silent)
    assert ("gateway_entities", "vm") in found
    assert not any(name.startswith("gateway_notifications") for name, *_ in found)


def test_further_counts_and_the_process_itself_are_measured():
    def counts():
        yield "hints_dropped", "Hints that found a full queue", {}, 2
        yield "tries", "Tries", {"receiver": "noc", "outcome": "failed"}, 3
        yield "tries", "Tries", {"receiver": "noc", "outcome": "given_up"}, 1

    found = measured(three_hosts(), counts=counts)
    assert found["gateway_hints_dropped_total",] == 2
    assert found["gateway_tries_total", "failed", "noc"] == 3
    assert found["gateway_tries_total", "given_up", "noc"] == 1
    assert found["process_resident_memory_bytes",] > 0


def test_a_name_with_quotes_stays_one_label():
    estate = three_hosts()
    estate.source('a"b\n\\', "libvirt")
    assert ("gateway_source_up", "libvirt", 'a"b\n\\') in measured(estate)


def test_only_shards_that_changed_are_counted_again():
    estate = three_hosts()
    entities = estate.snapshot().entities
    counter = KindCounter()
    first = counter.count(entities)
    index = estate.index("vm:vm1")
    kept = [shard for shard, _ in counter._shards]
    fewer = counter.count(entities.evolve({index: None}))
    assert fewer.total() == first.total() - 1
    changed = [old is not new for old, (new, _) in zip(kept, counter._shards, strict=True)]
    assert changed.count(True) == 1
