"""What happens to the cluster in each test, with everything that must be told and answered on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tests.lab.pacemaker import PacemakerLab
from tests.lab.told import Told
from tests.system.comparison import Comparison
from tests.system.interruption import killed_in_the_middle_of_a_read

NOTICE_S = 60.0


def move(seen: Comparison) -> None:
    old, new = place(seen, "svc-a"), elsewhere(seen, "svc-a")
    before = time.time()
    seen.lab.move("svc-a", new)
    assert seen.step()[Told("svc-a", old, new)] == 1
    seen.former_place("svc-a", before, old)


def live_move(seen: Comparison) -> None:
    old, new = place(seen, "vm-1"), elsewhere(seen, "vm-1")
    before = time.time()
    seen.lab.move("vm-1", new)
    assert seen.step()[Told("vm-1", old, new, live=True)] == 1
    seen.former_place("vm-1", before, old)


def group_move(seen: Comparison) -> None:
    old, new = place(seen, "app-db"), elsewhere(seen, "app-db")
    before = time.time()
    seen.lab.move("app", new)
    assert seen.step()[Told("app", old, new)] == 1
    seen.former_place("app", before, old)


def kill(seen: Comparison) -> None:
    """A node loses its power, is fenced and boots; what ran there starts elsewhere."""
    victim = busiest(seen)
    seen.lab.kill(victim)
    await_missed(seen.lab, victim)
    step = seen.step()
    assert victim in {told.old for told in step}


def standby(seen: Comparison) -> None:
    node = busiest(seen, spare=())
    seen.lab.standby(node)
    assert node in {told.old for told in seen.step()}
    seen.lab.unstandby(node)
    seen.step()


def fail(seen: Comparison) -> None:
    """Failures up to the threshold: at the latest the second one makes it go elsewhere."""
    old = place(seen, "svc-a")
    for _ in range(2):  # migration-threshold of svc-a; below it Pacemaker restarts in place, if it likes the place
        if place(seen, "svc-a") == old:
            seen.lab.fail("svc-a")
            seen.step()
    assert [told.old for told in seen.told if told.entity == "svc-a"] == [old]


def exhaust(seen: Comparison) -> None:
    """Failed on every node: nobody repairs that, until somebody cleans up."""
    moves = 0

    def step() -> None:
        nonlocal moves
        moves += sum(number for told, number in seen.step().items() if told.entity == "svc-b")

    seen.lab.exhaust("svc-b", after_each=step)
    assert moves == 2
    key = seen.await_raised("exhausted", "svc-b")
    seen.lab.cleanup("svc-b")
    seen.step()
    seen.await_cleared(key)


def block(seen: Comparison) -> None:
    """A stop that fails: the cluster will not touch it any more, until somebody cleans up."""
    seen.lab.block("svc-b")
    seen.step()
    key = seen.await_raised("blocked", "svc-b")
    seen.lab.cleanup("svc-b")  # the stop succeeds now, so that the ban takes effect
    seen.step()
    seen.await_cleared(key)
    seen.lab.unmove("svc-b")
    seen.step()


def unfenced(seen: Comparison) -> None:
    """A node is gone and cannot be fenced: what ran there is stuck, until somebody says that the node is off."""
    victim = busiest(seen)
    seen.lab.fence_mode("fail")
    seen.lab.kill(victim)
    await_missed(seen.lab, victim)
    assert not [told for told in seen.step() if told.old == victim]
    key = seen.await_raised("fencingFailed", victim)
    seen.lab.fence_mode("ok")
    seen.lab.run(seen.lab.spokesman(), "stonith_admin", "--confirm", victim)
    assert victim in {told.old for told in seen.step()}
    seen.await_cleared(key)
    seen.lab.start(victim)
    seen.lab.wait_for(lambda view: victim in view.online, f"{victim} back", NOTICE_S)
    seen.step()


def quorum_loss(seen: Comparison) -> None:
    """Two of three nodes are gone: the rest stops what it runs, and moves nothing."""
    lost = [node for node in seen.lab.nodes if node != survivor(seen)]
    seen.lab.kill(*lost)
    seen.lab.wait_for(lambda view: not view.quorate, "quorum lost", NOTICE_S)
    assert not seen.step(answers=False)
    key = seen.await_raised("quorumLost", cluster_name(seen))
    for node in lost:
        seen.lab.start(node)
    seen.lab.wait_for(lambda view: view.online == set(seen.lab.nodes), "all back", NOTICE_S)
    seen.step()
    seen.await_cleared(key)


def mid_read_kill(seen: Comparison) -> None:
    """The node that is being asked dies before its answer is complete: the next one is asked."""
    victim = killed_in_the_middle_of_a_read(seen.installation)
    await_missed(seen.lab, victim)
    seen.step()


VERBS: Mapping[str, Callable[[Comparison], None]] = {
    verb.__name__: verb
    for verb in (
        move, live_move, group_move, kill, standby, fail, exhaust, block, unfenced, quorum_loss, mid_read_kill,
    )
}  # fmt: skip


def place(seen: Comparison, resource: str) -> str:
    return seen.places.of[resource]


def elsewhere(seen: Comparison, resource: str) -> str:
    return next(node for node in seen.lab.nodes if node != place(seen, resource))


def busiest(seen: Comparison, spare: tuple[str, ...] | None = None) -> str:
    """The node that runs most of what can relocate; not the one that the gateway itself is on."""
    spared = (seen.installation.setup.home,) if spare is None else spare
    on = list(seen.places.of.values())
    return max((node for node in seen.lab.nodes if node not in spared), key=on.count)


def survivor(seen: Comparison) -> str:
    home = seen.installation.setup.home
    return home if home in seen.lab.nodes else seen.lab.nodes[-1]


def await_missed(lab: PacemakerLab, node: str) -> None:
    """Wait until the other nodes know that one is gone."""
    lab.wait_for(lambda view: node not in view.online, f"{node} missed by the others", NOTICE_S)


def cluster_name(seen: Comparison) -> str:
    (cluster,) = seen.gateway.items("/entities", kind="ha_cluster")
    return str(cluster["name"])
