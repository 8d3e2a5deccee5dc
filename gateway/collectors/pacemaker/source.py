"""Reads a Pacemaker cluster: crm_mon and cibadmin on one quorate node, when hinted, while it moves, and regularly."""

import asyncio
import logging
import shlex
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from gateway.collectors.pacemaker.alerts import Alert
from gateway.collectors.pacemaker.cib import Cib, parse_cib
from gateway.collectors.pacemaker.command import Output, run_command
from gateway.collectors.pacemaker.hints import parse_hint
from gateway.collectors.pacemaker.identity import Identities, facts_path, given_facts
from gateway.collectors.pacemaker.mapping import is_transitional, to_observation
from gateway.collectors.pacemaker.parse import error_text, parse_crm_mon
from gateway.collectors.pacemaker.picture import Picture
from gateway.collectors.pacemaker.settings import PacemakerSettings
from gateway.collectors.pacemaker.view import CrmView
from gateway.model.errors import SourceError, SourcePartly, SourceUnavailable
from gateway.model.observations import Observation, Report
from gateway.model.ports import CollectorContext

logger = logging.getLogger(__name__)

CRM_MON = ("-1", "--inactive", "--output-as=xml")
CIBADMIN = ("-Q",)
FOLLOW_UPS_S = (0.25, 0.5, 1.0)
"""Pauses between reads while something is under way; the last one is repeated."""
CALM_READS = 3
"""Reads that must find nothing under way: between two operations of one transition a view may look calm."""
LONG_S, LONG_PAUSE_S = 60.0, 5.0
"""What is under way for longer than the first is followed with the second pause."""
KEEP_ALERTS_US = 900 * 1_000_000
MAX_ALERTS = 1_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What one node answered. `at`: when the read began."""

    node: str
    at: int
    view: CrmView
    cib: Cib

    def rank(self) -> tuple[bool, bool, tuple[int, int, int]]:
        """The better of two views that are not authoritative: with a DC, with quorum, of the newer CIB."""
        return self.view.dc_present, self.view.quorate is not False, self.cib.version


class PacemakerCollector:
    """One cluster. `hint` may be called at any time and from any thread, also before `run`."""

    def __init__(self, name: str, settings: PacemakerSettings, context: CollectorContext) -> None:
        """
        Raises:
            ConfigError: an identity file is named that cannot be read.
        """
        path = context.config_dir / settings.identity_file.expanduser() if settings.identity_file else None
        self.interval_s = settings.interval_s
        self._name = name
        self._settings = settings
        self._now = context.now
        self._identities = Identities(facts_path(context.state_dir, name), given_facts(settings.identity, path, name))
        self._alerts: deque[tuple[int, Alert]] = deque(maxlen=MAX_ALERTS)
        self._refused = ""
        self._hinted = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._preferred = ""

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        """Read and report for ever: at once, on hints, while something is under way, and every `interval_s`."""
        self._loop = asyncio.get_running_loop()
        pace = Pace(self.interval_s)
        while True:
            self._hinted.clear()
            observation = await self.observe()
            await report(observation)
            pause = pace.next_pause_s(is_transitional(observation), time.monotonic())
            if await self._hinted_within(pause):
                await asyncio.sleep(self._settings.debounce_s)
                pace.hinted()

    async def observe(self) -> Observation:
        """
        One observation, from the first node that has an authoritative view, else from the best other.

        Raises:
            SourceError: no node gave a view.
        """
        if self._identities.unsaved:
            await asyncio.to_thread(self._identities.save)
        reading = await self._read()
        return await asyncio.to_thread(to_observation, self._picture(reading))

    async def probe(self) -> str:
        """
        One line about the cluster as it is now.

        Raises:
            SourcePartly: facts are given of a node that the cluster has not.
        """
        reading = await self._read()
        picture = self._picture(reading)
        online = sum(node.online for node in picture.nodes.values())
        view = reading.view
        quorum = {True: "quorate", False: "WITHOUT QUORUM", None: "quorum unknown"}[view.quorate]
        dc = f"DC {view.dc}" if view.dc else "no DC"
        asked = f", asked {reading.node}" if reading.node else ""
        said = (
            f"cluster {picture.cluster.native}: {len(picture.nodes)} nodes ({online} online), "
            f"{len(picture.services)} resources, {dc}, {quorum}, Pacemaker {view.version or 'unknown'}{asked}"
        )
        if strangers := self._identities.strangers(picture.nodes):
            names = ", ".join(sorted(picture.nodes))
            wrong = (
                f"the cluster has no such node, only {names}. Correct `node` in the source's identity, or take it out"
            )
            raise SourcePartly(said, tuple((f"identity of {node}", wrong) for node in strangers))
        return said

    def hint(self, document: bytes) -> None:
        """
        Take what an agent posted: keep its evidence and facts, and look soon.

        Raises:
            IngestError: it is not what the agent sends.
        """
        hint = parse_hint(document)
        if hint.refused and hint.refused != self._refused:
            node = hint.facts.node if hint.facts else "a node"
            logger.warning(
                "collector %s: not all that the agent of %s tells is right: %.200r", self._name, node, hint.refused
            )
            self._refused = hint.refused
        if hint.facts is not None:
            self._identities.learn(hint.facts)
        if hint.dropped:
            logger.warning("collector %s: an agent had to drop %d alerts while we were away", self._name, hint.dropped)
        now = self._now()
        self._alerts.extend((now, alert) for alert in hint.alerts)
        if self._loop is None or self._loop.is_closed():
            self._hinted.set()
        else:
            self._loop.call_soon_threadsafe(self._hinted.set)

    async def _hinted_within(self, pause_s: float) -> bool:
        try:
            async with asyncio.timeout(pause_s):
                await self._hinted.wait()
        except TimeoutError:
            return False
        return True

    def _picture(self, reading: Reading) -> Picture:
        while self._alerts and self._alerts[0][0] < reading.at - KEEP_ALERTS_US:
            self._alerts.popleft()
        return Picture(
            source=self._name,
            at=reading.at,
            view=reading.view,
            cib=reading.cib,
            facts=self._identities.by_node,
            alerts=tuple(alert for _, alert in self._alerts),
            needs_dc=self._needs_dc,
        )

    @property
    def _needs_dc(self) -> bool:
        return not self._settings.is_saved_cib

    # -- asking nodes --------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        """Ask nodes in turn; the next one as soon as one fails, dawdles, or has no authoritative view."""
        waiting = deque(self._order())
        asked: dict[asyncio.Task[Reading], str] = {}
        others: list[Reading] = []
        errors: list[str] = []
        try:
            while waiting or asked:
                if waiting:
                    node = waiting.popleft()
                    asked[asyncio.create_task(self._read_node(node))] = node
                for reading in await self._answers(asked, bool(waiting), errors):
                    if reading.view.authoritative(self._needs_dc):
                        return self._prefer(reading)
                    others.append(reading)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if others:
            return max(others, key=Reading.rank)
        raise SourceUnavailable(" ".join(dict.fromkeys(errors)))

    async def _answers(
        self, asked: dict[asyncio.Task[Reading], str], more: bool, errors: list[str]
    ) -> Iterator[Reading]:
        """What has come in, waiting for the first at most `hedge_s` when there are `more` nodes to ask."""
        hedge = self._settings.hedge_s if more else None
        done, _ = await asyncio.wait(asked, timeout=hedge, return_when=asyncio.FIRST_COMPLETED)
        readings = []
        for task in done:
            node = asked.pop(task)
            try:
                readings.append(task.result())
            except SourceError as error:
                errors.append(f"{node}: {error}" if node else str(error))
        return iter(readings)

    def _order(self) -> list[str]:
        """The node that answered last time first."""
        nodes = list(self._settings.nodes) or [""]
        return sorted(nodes, key=lambda node: node != self._preferred)

    def _prefer(self, reading: Reading) -> Reading:
        if reading.node != self._preferred:
            if self._preferred:
                logger.info("collector %s: asks node %s from now on", self._name, reading.node)
            self._preferred = reading.node
        return reading

    async def _read_node(self, node: str) -> Reading:
        """Both documents of one node, read side by side."""
        at = self._now()
        try:
            async with asyncio.TaskGroup() as both:  # when one fails, the other is ended at once
                crm_mon = both.create_task(self._tool(node, (self._settings.crm_mon, *CRM_MON)))
                cibadmin = both.create_task(self._tool(node, (self._settings.cibadmin, *CIBADMIN)))
        except* SourceError as errors:
            raise errors.exceptions[0] from None
        view = await asyncio.to_thread(parse_crm_mon, crm_mon.result())
        return Reading(node, at, view, await asyncio.to_thread(parse_cib, cibadmin.result()))

    async def _tool(self, node: str, tool: tuple[str, ...]) -> bytes:
        words = self._settings.command(node, tool)
        by_hand = f"Try it by hand, as the gateway's user: {shlex.join(words)}"
        try:
            output = await run_command(words, self._settings.timeout_s)
        except SourceError as error:
            raise type(error)(f"{error} {by_hand}") from error
        if output.status != 0:
            raise SourceUnavailable(f"{_failure(tool[0], output)} {by_hand}")
        return output.stdout


def _failure(tool: str, output: Output) -> str:
    """Why a tool failed, in its own words."""
    said = error_text(output.stdout) or output.stderr.replace("\n", "; ") or "it does not say why"
    hint = " Is Pacemaker running there?" if output.status == 102 else ""
    return f"{tool} ended with status {output.status}: {said[:500]}.{hint}"


class Pace:
    """How long to wait until the next read."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._follow_up = 0
        self._calm_left = 0
        self._moving_since = 0.0

    def hinted(self) -> None:
        """Something was reported: follow closely from now on."""
        self._follow_up = 0
        self._calm_left = CALM_READS
        self._moving_since = 0.0

    def next_pause_s(self, moving: bool, now: float) -> float:
        """Seconds until the next read after one that found the cluster `moving` or calm; `now`: monotonic."""
        if moving:
            self._calm_left = CALM_READS
            self._moving_since = self._moving_since or now
        elif self._calm_left:
            self._calm_left -= 1
        if not moving and not self._calm_left:
            self._follow_up, self._moving_since = 0, 0.0
            return self._interval_s
        if moving and now - self._moving_since > LONG_S:
            return min(LONG_PAUSE_S, self._interval_s)
        pause = FOLLOW_UPS_S[min(self._follow_up, len(FOLLOW_UPS_S) - 1)]
        self._follow_up += 1
        return min(pause, self._interval_s)


def create(name: str, settings: PacemakerSettings, context: CollectorContext) -> PacemakerCollector:
    """The collector of one configured cluster."""
    return PacemakerCollector(name, settings, context)
