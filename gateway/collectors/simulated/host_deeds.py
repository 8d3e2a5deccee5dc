"""What happens to hosts: lost with all that ran there, drained for maintenance, and back."""

from gateway.collectors.simulated.beats import Beat, Course
from gateway.collectors.simulated.ha_deeds import lose_nodes, rejoin, take_over
from gateway.collectors.simulated.view import Look, LookAtCluster, LookAtHost, LookAtSites
from gateway.collectors.simulated.vm_deeds import moved
from gateway.collectors.simulated.world import Host, HostState, NodeState, Place, World
from gateway.model.entities import EntityState
from gateway.model.events import Cause
from gateway.model.relations import Arrival, Phase

NOTICE_S = 4.0
"""From the loss of a host to the first restart elsewhere: the time in which it is powered off."""
RESTART_S = 0.5
"""Between two restarts."""
HOP_S = 1.0
"""How long each VM of a drained host takes."""
REPAIR_S = 40.0


def fail(world: World, host: Host, *, lasting: bool) -> Course:
    """
    The host is lost: where its VMs are is what was last known, then they start elsewhere, one by one.

    HA nodes in its VMs are lost too: their clusters fence them and take over, before the VMs are back.
    """
    yield from _go_down(world, host)
    clusters = [world.clusters[number] for number in world.clusters_on(host.vms)]
    for cluster in clusters:
        yield from take_over(world, cluster)
    for number in sorted(host.vms):
        yield _restart_elsewhere(world, host, number)
    for cluster in clusters:
        yield rejoin(world, cluster)
    host.busy = False
    if not lasting:
        yield Beat(wait_s=REPAIR_S)
        yield from restore(world, host)


def _go_down(world: World, host: Host) -> Course:
    host.busy, host.state = True, HostState.LOST
    for number in host.vms:
        vm = world.vms[number]
        vm.busy, vm.state, vm.reason = True, EntityState.UNKNOWN, "its host is lost"
        world.put(vm, host.number, Place(host.number, Phase.LAST_KNOWN))
    struck = world.clusters_on(host.vms)
    for number, nodes in struck.items():
        lose_nodes(world.clusters[number], nodes, NodeState.UNCLEAN)
    looks: list[Look] = [LookAtHost(host.number), LookAtSites()]
    looks += [LookAtCluster(number) for number in struck]
    yield Beat(tuple(looks), wait_s=NOTICE_S)


def _restart_elsewhere(world: World, host: Host, number: int) -> Beat:
    vm = world.vms[number]
    targets = world.neighbours(host.number)
    target = targets[number % len(targets)]
    vm.busy, vm.state, vm.reason = False, EntityState.RUNNING, ""
    world.put(vm, target, Place(target, arrival=Arrival.RESTART))
    looks = (LookAtHost(target, (number,)), LookAtHost(host.number, (number,)))
    told = moved(world, vm, host.number, target, Cause.FAILOVER, live=False)
    return Beat(looks, (told,), RESTART_S)


def drain(world: World, host: Host, *, lasting: bool) -> Course:
    """All VMs are moved away live, one after the other; then the host is in maintenance."""
    host.busy, host.state = True, HostState.DRAINED
    waiting = sorted(host.vms)
    for number in waiting:
        world.vms[number].busy = True
    yield Beat((LookAtHost(host.number),), wait_s=HOP_S)
    for number in waiting:
        yield from _evacuate(world, host, number)
    host.busy = False
    if not lasting:
        yield Beat(wait_s=REPAIR_S)
        yield from restore(world, host)


def _evacuate(world: World, host: Host, number: int) -> Course:
    vm, targets = world.vms[number], world.neighbours(host.number)
    target = targets[number % len(targets)]
    vm.state = EntityState.MIGRATING
    places = Place(host.number, Phase.TRANSITIONAL), Place(target, Phase.TRANSITIONAL)
    world.put(vm, host.number, *places)
    yield Beat((LookAtHost(host.number, (number,)), LookAtHost(target, (number,))), wait_s=HOP_S)
    vm.busy, vm.state = False, EntityState.RUNNING
    world.put(vm, target, Place(target, arrival=Arrival.LIVE))
    told = moved(world, vm, host.number, target, Cause.EVACUATION, live=True)
    yield Beat((LookAtHost(target, (number,)), LookAtHost(host.number, (number,))), (told,))


def restore(world: World, host: Host) -> Course:
    """The host is back, empty."""
    if host.state is not HostState.UP:
        host.state = HostState.UP
        yield Beat((LookAtHost(host.number), LookAtSites()))
