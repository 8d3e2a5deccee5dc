"""The collector of declared facts: reads the file when it changes."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from pydantic import Field

from gateway.collectors.declared.document import NotYaml, Reader, compose
from gateway.collectors.declared.mapping import to_observation
from gateway.collectors.declared.problems import listed
from gateway.collectors.declared.sections import read_facts
from gateway.config.settings import SourceSettings
from gateway.model.errors import SourceMalformed, SourceUnavailable
from gateway.model.observations import Observation, Report
from gateway.model.ports import CollectorContext

logger = logging.getLogger(__name__)

LARGEST = 16 << 20
"""Octets; a file of 100,000 lines has about 4 MB."""


class DeclaredSettings(SourceSettings):
    """`[sources.NAME]` with `kind = "declared"`."""

    file: Path = Field(description='Name the YAML file, like "facts.yaml".')
    """Relative paths start in the folder of the configuration file."""
    interval_s: float = Field(default=5.0, ge=1, le=86_400, description="Give 1 to 86400 seconds.")
    """How often the file is looked at."""


def read_document(data: bytes, file: str, source: str, at: int) -> Observation:
    """
    The facts of a file.

    Raises:
        SourceMalformed: lists everything that is wrong, each with line, column and key path.
    """
    reader = Reader()
    try:
        root = compose(data)
    except NotYaml as error:
        raise SourceMalformed(listed(file, [error.problem])) from error
    observation = to_observation(read_facts(root, reader), source, at, reader)
    if reader.problems:
        raise SourceMalformed(listed(file, reader.problems))
    return observation


class DeclaredSource:
    """
    Watches one file.

    A file that is wrong or missing is an error of the source: what was read last stays, until the file is right
    again. The content decides whether it has changed, so that an editor may write it in whatever way.
    """

    def __init__(self, name: str, settings: DeclaredSettings, context: CollectorContext) -> None:
        self.name = name
        self.interval_s = settings.interval_s
        self._file = context.config_dir / settings.file
        self._now = context.now
        self._hash = b""
        self._last: Observation | None = None

    async def run(self, report: Callable[[Report], Awaitable[None]]) -> None:
        """Report the facts now and whenever the file is looked at: an unchanged one is fresh again."""
        while True:
            await report(await asyncio.to_thread(self.read))
            await asyncio.sleep(self.interval_s)

    async def probe(self) -> str:
        """One line for `gateway check`."""
        observation = await asyncio.to_thread(self.read)
        kinds = Counter(entity.key.kind.value for entity in observation.entities)
        counted = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
        return f"{self._file}: {counted or 'no facts'}; {len(observation.links or ())} links to other sources"

    def named(self) -> frozenset[str]:
        """Ends of links that are in other sources (`NamesOthers`)."""
        ends = (end for link in self.read().links or () for end in (link.left, link.right))
        return frozenset(end for end in ends if not end.startswith(f"{self.name}/"))

    def read(self) -> Observation:
        """
        The facts as the file says them now; parsed only when its content has changed.

        Raises:
            SourceUnavailable: it cannot be read.
            SourceMalformed: it is wrong.
        """
        at = self._now()
        data = self._content()
        digest = blake2b(data).digest()
        if self._last is not None and digest == self._hash:
            return replace(self._last, at=at)
        observation = read_document(data, str(self._file), self.name, at)
        if self._last is not None:
            logger.info("source %s: %s has changed and was read again", self.name, self._file)
        self._hash, self._last = digest, observation
        return observation

    def _content(self) -> bytes:
        try:
            with self._file.open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SourceUnavailable(
                f"{self._file}: cannot be read: {reason}. Create it, or correct sources.{self.name}.file."
            ) from error
        if len(data) > LARGEST:
            raise SourceMalformed(f"{self._file}: is larger than {LARGEST >> 20} MB. Split it into several sources.")
        return data
