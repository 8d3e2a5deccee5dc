"""What happens to VMs: migrations live, cold and failed, and crashes."""

from dataclasses import replace

from gateway.collectors.simulated.beats import Beat, Course, Told
from gateway.collectors.simulated.view import LookAtHost, host_key, vm_key
from gateway.collectors.simulated.world import Place, Vm, World
from gateway.model.conditions import ConditionKind
from gateway.model.entities import EntityState
from gateway.model.events import Cause, EventKind
from gateway.model.observations import Evidence, EvidenceKind
from gateway.model.relations import Arrival, Phase

COPY_S = 2.0
"""How long a live migration copies memory."""
BOOT_S = 1.0
CRASHED_S = 16.0
"""Longer than the settle time of a crash (10 s), so that it is told."""


def live_migration(world: World, vm: Vm, target: int, cause: Cause) -> Course:
    """Running on two hosts while memory is copied, then on the new one. `cause`: as its evidence will say."""
    vm.busy = True
    old = vm.home
    asked = (_request(world, vm, target),) if cause is Cause.ADMINISTRATOR else ()
    vm.state = EntityState.MIGRATING
    world.put(vm, old, Place(old, Phase.TRANSITIONAL), Place(target, Phase.TRANSITIONAL))
    looks = (LookAtHost(old, (vm.number,), asked), LookAtHost(target, (vm.number,)))
    yield Beat(looks, wait_s=COPY_S)
    vm.state = EntityState.RUNNING
    world.put(vm, target, Place(target, arrival=Arrival.LIVE))
    vm.busy = False
    looks = (LookAtHost(target, (vm.number,)), LookAtHost(old, (vm.number,)))
    yield Beat(looks, (moved(world, vm, old, target, cause, live=True),))


def failed_migration(world: World, vm: Vm, target: int) -> Course:
    """The copy breaks off: the VM goes on where it was."""
    vm.busy = True
    old = vm.home
    vm.state = EntityState.MIGRATING
    world.put(vm, old, Place(old, Phase.TRANSITIONAL), Place(target, Phase.TRANSITIONAL))
    yield Beat((LookAtHost(old, (vm.number,)), LookAtHost(target, (vm.number,))), wait_s=COPY_S)
    vm.state = EntityState.RUNNING
    world.put(vm, old, Place(old))
    fact = Evidence(
        EvidenceKind.MIGRATION_FAILED,
        world.estate.host_name(old),
        vm_key(world.estate, vm.number),
        world.next_occurrence(),
        text=f"live migration to {world.estate.host_name(target)} failed: the destination refused the connection",
    )
    told = Told(EventKind.MIGRATION_FAILED, vm_key(world.estate, vm.number), world.estate.host_name(old))
    looks = (LookAtHost(target, (vm.number,)), LookAtHost(old, (vm.number,), (fact,)))
    yield Beat(looks, (told,), wait_s=10.0)
    vm.busy = False
    yield Beat((LookAtHost(old),))


def cold_move(world: World, vm: Vm, target: int, cause: Cause) -> Course:
    """Shut down, defined on another host, started there."""
    vm.busy = True
    old = vm.home
    asked = (_request(world, vm, target),) if cause is Cause.ADMINISTRATOR else ()
    vm.state = EntityState.STOPPING
    world.put(vm, old, Place(old, Phase.TRANSITIONAL))
    yield Beat((LookAtHost(old, (vm.number,), asked),), wait_s=BOOT_S)
    vm.state = EntityState.STOPPED
    world.put(vm, old)
    yield Beat((LookAtHost(old, (vm.number,)),), wait_s=BOOT_S)
    if target not in world.neighbours(old):  # lost or being drained since
        yield from _start_again(world, vm)
    else:
        yield from _start_on(world, vm, target, cause)


def _start_on(world: World, vm: Vm, target: int, cause: Cause) -> Course:
    """A VM that does not run starts on another host than before."""
    old = vm.home
    vm.state = EntityState.STARTING
    world.put(vm, target, Place(target, Phase.TRANSITIONAL))
    world.hosts[old].leaving += 1
    yield Beat((LookAtHost(target, (vm.number,)), LookAtHost(old, (vm.number,))), wait_s=BOOT_S)
    world.hosts[old].leaving -= 1
    vm.state = EntityState.RUNNING
    world.put(vm, target, Place(target, arrival=Arrival.RESTART))
    vm.busy = False
    yield Beat((LookAtHost(target, (vm.number,)),), (moved(world, vm, old, target, cause, live=False),))


def crash(world: World, vm: Vm) -> Course:
    """Down until somebody starts it again, on the same host."""
    vm.busy = True
    vm.state, vm.reason = EntityState.CRASHED, "kernel panic"
    world.put(vm, vm.home)
    told = Told(EventKind.FAILURE_RAISED, vm_key(world.estate, vm.number), condition=ConditionKind.CRASHED)
    yield Beat((LookAtHost(vm.home, (vm.number,)),), (told,), wait_s=CRASHED_S)
    yield from _start_again(world, vm)
    yield Beat((), (replace(told, kind=EventKind.FAILURE_CLEARED),))


def _start_again(world: World, vm: Vm) -> Course:
    """It starts where it was."""
    vm.state, vm.reason = EntityState.RUNNING, ""
    world.put(vm, vm.home, Place(vm.home, arrival=Arrival.RESTART))
    vm.busy = False
    yield Beat((LookAtHost(vm.home, (vm.number,)),))


def moved(world: World, vm: Vm, old: int, new: int, cause: Cause, *, live: bool) -> Told:
    """What must be told of a VM's move."""
    left, reached = host_key(world.estate, old).native, host_key(world.estate, new).native
    return Told(EventKind.RELOCATION, vm_key(world.estate, vm.number), left, reached, live, cause)


def _request(world: World, vm: Vm, target: int) -> Evidence:
    vm.asked |= {target}
    name = world.estate.host_name(target)
    key = vm_key(world.estate, vm.number)
    text = f"an administrator asked for {world.estate.vm_name(vm.number)} to be on {name}"
    return Evidence(EvidenceKind.REQUESTED, name, key, world.next_occurrence(), text=text)
