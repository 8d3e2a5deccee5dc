"""Which deed comes next: written steps as soon as they can be done, seeded ones in between."""

from collections.abc import Callable
from random import Random
from typing import TypeVar

from gateway.collectors.simulated import ha_deeds, host_deeds, vm_deeds
from gateway.collectors.simulated.beats import Course
from gateway.collectors.simulated.plan import CLUSTER_DEEDS, HOST_DEEDS, VM_DEEDS, Deed, Step
from gateway.collectors.simulated.world import SINGLE, Cluster, Host, HostState, NodeState, Vm, World
from gateway.model.events import Cause

T = TypeVar("T", Vm, Host, Cluster)
WEIGHTS: dict[Deed, int] = {
    Deed.MIGRATE: 25,
    Deed.BALANCE: 25,
    Deed.COLD_MOVE: 8,
    Deed.FAIL_MIGRATION: 3,
    Deed.CRASH_VM: 5,
    Deed.FAIL_HOST: 3,
    Deed.DRAIN_HOST: 3,
    Deed.MOVE_GROUP: 10,
    Deed.RECOVER: 6,
    Deed.STANDBY: 5,
    Deed.BLOCK: 3,
    Deed.EXHAUST: 2,
    Deed.FAIL_FENCE: 2,
}
"""How often the seed chooses a deed, relative to the others."""
TRIES = 8
"""How many VMs, hosts or clusters are looked at for one that is free."""
FIRST_AFTER_S = 5.0
"""When the first seeded deed is done: a relocation, so that there is something to see."""


def seeded_step(random: Random, steps_per_minute: float, at_s: float, first: bool) -> Step:
    """The next seeded step, after a step at `at_s`."""
    if first:
        return Step(min(FIRST_AFTER_S, 60.0 / steps_per_minute), Deed.MIGRATE)
    pause_s = random.uniform(0.5, 1.5) * 60.0 / steps_per_minute
    (deed,) = random.choices(list(WEIGHTS), list(WEIGHTS.values()))
    return Step(at_s + pause_s, deed)


def begin(world: World, step: Step, random: Random) -> Course | None:
    """The course of a step, the things that it concerns held for it; None when it cannot be done now."""
    if step.deed in VM_DEEDS:
        return _begin_vm(world, step, random)
    if step.deed in HOST_DEEDS:
        return _begin_host(world, step, random)
    assert step.deed in CLUSTER_DEEDS
    return _begin_cluster(world, step, random)


# -- VMs -------------------------------------------------------------------------------------------------------


def _begin_vm(world: World, step: Step, random: Random) -> Course | None:
    down = step.deed in (Deed.CRASH_VM, Deed.COLD_MOVE)
    vm = _choose(world.vms, lambda vm: _vm_is_free(world, vm, down), world.estate.vm_name, step.what, random)
    if vm is None:
        return None
    if step.deed is Deed.CRASH_VM:
        return vm_deeds.crash(world, vm)
    by_itself = step.deed is Deed.BALANCE
    targets = [h for h in world.neighbours(vm.home) if not (by_itself and h in vm.asked)]
    target = _one_of(targets, world.estate.host_name, step.to, random)
    if target is None:
        return None
    match step.deed:
        case Deed.FAIL_MIGRATION:
            return vm_deeds.failed_migration(world, vm, target)
        case Deed.COLD_MOVE:
            return vm_deeds.cold_move(world, vm, target, Cause.ADMINISTRATOR)
        case Deed.BALANCE:
            return vm_deeds.live_migration(world, vm, target, Cause.LIVE_MIGRATION)
    return vm_deeds.live_migration(world, vm, target, Cause.ADMINISTRATOR)


def _vm_is_free(world: World, vm: Vm, down: bool) -> bool:
    """Not in the middle of something; VMs of HA nodes are not taken down (that is what FAIL_HOST is for)."""
    home = world.hosts[vm.home]
    return not vm.busy and home.state is HostState.UP and not (down and vm.number in world.estate.nodes)


# -- hosts -----------------------------------------------------------------------------------------------------


def _begin_host(world: World, step: Step, random: Random) -> Course | None:
    host = _choose(world.hosts, lambda h: _host_is_free(world, h, step.deed), world.estate.host_name, step.what, random)
    if host is None:
        return None
    block = world.estate.block_of(host.number)
    match step.deed:
        case Deed.RESTORE_HOST:
            return host_deeds.restore(world, host)
        case Deed.DRAIN_HOST:
            return _held_block(world, block, [], host_deeds.drain(world, host, lasting=step.lasting))
    clusters = [world.clusters[number] for number in world.clusters_on(host.vms)]
    return _held_block(world, block, clusters, host_deeds.fail(world, host, lasting=step.lasting))


def _host_is_free(world: World, host: Host, deed: Deed) -> bool:
    if world.estate.block_of(host.number) in world.busy_blocks or host.busy:
        return False
    if deed is Deed.RESTORE_HOST:
        return host.state is not HostState.UP
    if host.state is not HostState.UP or not world.neighbours(host.number):
        return False
    if host.leaving or any(world.vms[vm].busy for vm in host.vms):
        return False
    if deed is Deed.DRAIN_HOST:
        return True
    struck = world.clusters_on(host.vms)
    return all(_survives(world.clusters[number], len(nodes)) for number, nodes in struck.items())


def _survives(cluster: Cluster, lost: int) -> bool:
    """True when a majority is left, or one of two nodes."""
    size = len(cluster.nodes)
    return _cluster_is_free(cluster) and (2 * (size - lost) > size or size - lost == 1 == lost)


def _held_block(world: World, block: int, clusters: list[Cluster], course: Course) -> Course:
    """One host of a block at a time, so that there is always one to go to."""
    world.busy_blocks.add(block)
    for cluster in clusters:
        cluster.busy = True
    yield from course
    for cluster in clusters:
        cluster.busy = False
    world.busy_blocks.discard(block)


# -- HA clusters -----------------------------------------------------------------------------------------------


def _begin_cluster(world: World, step: Step, random: Random) -> Course | None:
    cluster = _choose(world.clusters, _cluster_is_free, world.estate.cluster_name, step.what, random)
    if cluster is None:
        return None
    course = _cluster_course(world, cluster, step, random)
    return _held(cluster, course) if course is not None else None


def _cluster_course(world: World, cluster: Cluster, step: Step, random: Random) -> Course | None:
    def name_of(node: int) -> str:
        return world.estate.node_name(cluster.number, node)

    def another_than(home: int) -> int | None:
        return _one_of([node for node in cluster.online() if node != home], name_of, step.to, random)

    match step.deed:
        case Deed.BLOCK:
            return ha_deeds.block(world, cluster)
        case Deed.EXHAUST:
            return ha_deeds.exhaust(world, cluster)
        case Deed.STANDBY | Deed.FAIL_FENCE:
            node = _one_of(cluster.online(), name_of, step.to, random)
            deed = ha_deeds.standby if step.deed is Deed.STANDBY else ha_deeds.fail_fence
            return deed(world, cluster, node) if node is not None else None
        case Deed.RECOVER:
            target = another_than(cluster.resources[SINGLE].home)
            return ha_deeds.recover(world, cluster, target) if target is not None else None
    target = another_than(cluster.home_of_group())
    return ha_deeds.move_group(world, cluster, target) if target is not None else None


def _cluster_is_free(cluster: Cluster) -> bool:
    return not cluster.busy and all(state is NodeState.ONLINE for state in cluster.nodes)


def _held(cluster: Cluster, course: Course) -> Course:
    cluster.busy = True
    yield from course
    cluster.busy = False


# -- choosing --------------------------------------------------------------------------------------------------


def _choose(
    things: list[T], is_free: Callable[[T], bool], name_of: Callable[[int], str], wanted: str, random: Random
) -> T | None:
    """The wanted one if it is free; without a wish one that the seed chooses."""
    if wanted:
        return next((thing for thing in things if name_of(thing.number) == wanted and is_free(thing)), None)
    for _ in range(TRIES if things else 0):
        thing = random.choice(things)
        if is_free(thing):
            return thing
    return None


def _one_of(numbers: list[int], name_of: Callable[[int], str], wanted: str, random: Random) -> int | None:
    if wanted:
        return next((number for number in numbers if name_of(number) == wanted), None)
    return random.choice(numbers) if numbers else None
