"""What the SNMP agent counts is readable at /metrics."""

from gateway.publishers.metrics import Metrics
from gateway.publishers.snmp.system import Counters
from gateway.support.clock import FakeClock
from tests.publishers.metrics.test_metrics import Topology, scrape
from tests.topology.estate import T0, three_hosts


def test_faults_and_refusals_of_the_agent_are_measured():
    counters = Counters(in_packets=9, bad_community_names=4, silent_drops=2, internal_errors=1)
    metrics = Metrics(Topology(three_hosts().snapshot()), FakeClock(T0), "9.9", counts=counters.figures)
    found = scrape(metrics)
    assert found["gateway_snmp_internal_errors_total",] == 1
    assert found["gateway_snmp_packets_total",] == 9
    assert found["gateway_snmp_packets_refused_total", "bad_community_names"] == 4
    assert found["gateway_snmp_packets_refused_total", "silent_drops"] == 2
