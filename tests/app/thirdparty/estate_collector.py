"""
A third party's plug-in, found by its entry point: reads a text file with one `VM HOST` a line.

It is what the tests of the life cycle collect: a source that can be changed, broken and hinted at from outside.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from gateway.config.settings import SourceSettings
from gateway.model.entities import EntityKind, EntityState, NativeKey
from gateway.model.errors import IngestError, SourceMalformed, SourceUnavailable
from gateway.model.observations import Observation, ObservedEntity, ObservedRelation, Report, Whole
from gateway.model.ports import CollectorContext, CollectorPlugin
from gateway.model.relations import RelationKind


class EstateSettings(SourceSettings):
    kind: Literal["estate"]
    file: Path
    hang: bool = False
    """Each read ends in a library call that does not come back."""
    patient: bool = False
    """A file that is not there is waited for."""


class EstateCollector:
    def __init__(self, name: str, settings: EstateSettings, context: CollectorContext) -> None:
        self.interval_s = settings.interval_s
        self._name = name
        self._file = context.config_dir / settings.file
        self._hang = settings.hang
        self._patient = settings.patient
        self._now = context.now
        self._look = asyncio.Event()

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        while self._patient and not self._file.exists():  # noqa: ASYNC110 - nobody tells of files
            await asyncio.sleep(0.1)
        while True:
            self._look.clear()
            await report(self._read())
            if self._hang:
                await asyncio.to_thread(time.sleep, 120)
            try:
                await asyncio.wait_for(self._look.wait(), self.interval_s)
            except TimeoutError:
                continue

    async def probe(self) -> str:
        return f"{sum(e.key.kind is EntityKind.VM for e in self._read().entities)} VMs"

    def hint(self, document: bytes) -> None:
        if document != b"look now":
            raise IngestError("only 'look now' is understood")
        self._look.set()

    def _read(self) -> Observation:
        at = self._now()
        try:
            lines = self._file.read_text().splitlines()
        except OSError as error:
            raise SourceUnavailable(f"{self._file}: {error.strerror}") from error
        pairs = [line.split() for line in lines]
        if any(len(pair) != 2 for pair in pairs):
            raise SourceMalformed(f"{self._file}: each line is VM HOST")
        hosts = {host for _, host in pairs}
        entities = [_entity(EntityKind.HYPERVISOR, host) for host in sorted(hosts)]
        entities += [_entity(EntityKind.VM, vm) for vm, _ in pairs]
        relations = [
            ObservedRelation(RelationKind.RUNS_ON, NativeKey(EntityKind.VM, vm), NativeKey(EntityKind.HYPERVISOR, host))
            for vm, host in pairs
        ]
        return Observation(self._name, at, Whole(), tuple(entities), tuple(relations))


def _entity(kind: EntityKind, name: str) -> ObservedEntity:
    return ObservedEntity(NativeKey(kind, name), name, state=EntityState.RUNNING)


PLUGIN = CollectorPlugin("estate", "Estate in a file", EstateSettings, EstateCollector)
