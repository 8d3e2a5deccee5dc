"""The collector of a simulated estate: lets its simulation go on with the clock, and reports what would be read."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path

from gateway.collectors.simulated.settings import SimulatedSettings
from gateway.collectors.simulated.simulation import Simulation, looks_a_round, rounds
from gateway.collectors.simulated.view import Look, everything, observe
from gateway.model.errors import SourceUnavailable
from gateway.model.observations import Report
from gateway.model.ports import CollectorContext

logger = logging.getLogger(__name__)

MOST_CATCH_UP = 200_000
"""How many moments that passed while the gateway was away are worked through; beyond that the estate begins anew."""
SECOND = 1_000_000


class SimulatedSource:
    """
    Plays one estate.

    The estate lives on while the gateway is away, as a real one would: when it began is kept in the state folder,
    and a restarted gateway finds it as it is by then. Other settings are another estate, which begins anew.
    """

    def __init__(self, name: str, settings: SimulatedSettings, context: CollectorContext) -> None:
        self.name = name
        self.interval_s = settings.interval_s
        self._settings = settings
        self._context = context
        self._file = context.state_dir / f"simulated-{name}.json"
        self._simulation: Simulation | None = None
        self._began_at = 0

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        """Report everything once, then each change, and one host or cluster after the other."""
        simulation = await asyncio.to_thread(self._catch_up)
        for look in everything(simulation.world):
            await self._report(report, look)
        logger.info("source %s: %s", self.name, _brief(simulation))
        reconciler = rounds(simulation.world)
        pause_us = round(self.interval_s * SECOND / looks_a_round(simulation.world))
        next_round = self._context.now() + pause_us
        while True:
            at = simulation.next_at_s
            due = self._real(at) if at is not None else None
            if due is None or due > next_round:
                await self._until(next_round)
                await self._report(report, next(reconciler))
                next_round = max(next_round + pause_us, self._context.now())
                continue
            await self._until(due)
            for moment in simulation.moments(at if at is not None else 0.0):
                for look in moment.looks:
                    await self._report(report, look)

    async def probe(self) -> str:
        """One line for `gateway check`."""
        return _brief(Simulation(self._settings.plan()))

    async def _report(self, report: Callable[[Report], Awaitable[None]], look: Look) -> None:
        assert self._simulation is not None
        await report(observe(self._simulation.world, look, self.name, self._context.now()))

    async def _until(self, at: int) -> None:
        await asyncio.sleep(max((at - self._context.now()) / SECOND, 0.0))

    def _real(self, at_s: float) -> int:
        """Microseconds UTC of a moment of simulated time."""
        return self._began_at + round(at_s * SECOND / self._settings.speed)

    # -- when it began -----------------------------------------------------------------------------------------

    def _catch_up(self) -> Simulation:
        """The estate as it is now."""
        if self._simulation is None:
            self._began_at = self._read_beginning() or self._begin()
            self._simulation = Simulation(self._settings.plan())
        passed_s = (self._context.now() - self._began_at) / SECOND * self._settings.speed
        if _pass(self._simulation, passed_s):
            return self._simulation
        logger.warning("source %s: was away for too long to catch up; the simulated estate begins anew", self.name)
        self._began_at = self._begin()
        self._simulation = Simulation(self._settings.plan())
        return self._simulation

    def _read_beginning(self) -> int | None:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
            if known["plan"] != self._fingerprint():
                said = "source %s: other settings are another estate, which begins now: much will seem to have moved"
                logger.warning(said, self.name)
            elif 0 < known["began_at"] <= self._context.now():
                return int(known["began_at"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("source %s: %s cannot be used, the estate begins anew: %s", self.name, self._file, error)
        return None

    def _begin(self) -> int:
        now = self._context.now()
        try:
            _write(self._file, json.dumps({"began_at": now, "plan": self._fingerprint()}))
        except OSError as error:
            raise SourceUnavailable(
                f"{self._file}: cannot be written: {error.strerror}. Make the state folder writable for the gateway."
            ) from error
        return now

    def _fingerprint(self) -> str:
        written = f"{self._settings.plan()!r} at speed {self._settings.speed}"
        return blake2b(written.encode(), digest_size=16).hexdigest()


def _pass(simulation: Simulation, until_s: float) -> bool:
    """Let time pass without looking; False when more has happened than can be caught up."""
    return all(count < MOST_CATCH_UP for count, _moment in enumerate(simulation.moments(until_s)))


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _brief(simulation: Simulation) -> str:
    world = simulation.world
    return f"{len(world.hosts)} hosts, {len(world.vms)} VMs, {len(world.clusters)} HA clusters (simulated)"
