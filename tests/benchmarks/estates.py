"""A simulated estate in a real database file, for benchmarks."""

from pathlib import Path

from gateway.collectors.simulated.plan import Plan
from gateway.collectors.simulated.simulation import Simulation
from gateway.collectors.simulated.view import Look, everything, observe
from gateway.engine.reconciler import Reconciler
from gateway.model.changes import Changes
from gateway.model.conditions import SECOND, SettleTimes
from gateway.model.events import Event
from gateway.model.rows import Source, SourceState
from gateway.model.snapshot import Snapshot
from gateway.store.database import Database, open_database
from gateway.support.clock import SystemClock

SOURCE = "sim"


class Watched:
    """The database's repository; keeps what was committed last."""

    def __init__(self, database: Database) -> None:
        self._repository = database.repository
        self.commits: list[Changes] = []

    def load(self) -> Snapshot:
        return self._repository.load()

    def commit(self, changes: Changes) -> tuple[Event, ...]:
        self.commits.append(changes)
        return self._repository.commit(changes)


class LoadedEstate:
    """An estate of `hosts` hosts with 50 VMs each and one HA cluster, read completely; one receiver is configured."""

    def __init__(self, folder: Path, hosts: int, ha_clusters: int = 1) -> None:
        self.database = open_database(f"sqlite:///{folder / 'topology.db'}")
        self.database.outbox.begin("console")
        self.repository = Watched(self.database)
        self.clock = SystemClock()
        self.simulation = Simulation(Plan(hosts, 50, ha_clusters))
        self.reconciler = Reconciler(self.repository, SettleTimes(), self.clock.now)
        self.reconciler.load()
        self.reconciler.register(Source(0, "", SOURCE, "simulated", SourceState.OK, 3600 * SECOND))
        for look in everything(self.simulation.world):
            self.see(look)
            self.repository.commits.clear()

    def see(self, look: Look) -> tuple[Event, ...]:
        return self.reconciler.apply(observe(self.simulation.world, look, SOURCE, self.clock.now()))

    def close(self) -> None:
        self.database.close()
