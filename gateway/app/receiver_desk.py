"""
The receiver desk: receivers that are seen, made and changed at run time (port `ReceiverDesk`).

What is made at run time is kept in the database and joins the configuration's. It refers to its secrets: files in the
folder `secrets` of the state folder, so that none is in the database, and no other file can be read through it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from gateway.app.places import SECRETS
from gateway.app.receivers import Receivers
from gateway.app.sinks import RECEIVER_KINDS
from gateway.config.configuration import NAME
from gateway.config.problems import ConfigurationError, Problem, problems_of
from gateway.config.settings import Settings
from gateway.model.errors import ConfigError, UnknownReceiver
from gateway.model.ports import Delivery, Missed, ReceiverState
from gateway.notifier.settings import ReceiverSettings
from gateway.schema.snmp.views import Subtrees
from gateway.store.database import Database
from gateway.support.clock import Clock

logger = logging.getLogger(__name__)


class StoredReceivers:
    """Receivers as the configuration and the database have them, whether a gateway runs or not."""

    def __init__(self, database: Database, configured: Mapping[str, Settings], state_dir: Path, clock: Clock) -> None:
        self.configured = configured
        self._database = database
        self._folder = state_dir / SECRETS
        self._clock = clock

    def all(self) -> dict[str, ReceiverSettings]:
        """
        The configuration's, and those that were made at run time. Blocking.

        One whose table does not fit any more, or whose secret is gone, is left out and said.
        """
        found = {name: s for name, s in self.configured.items() if isinstance(s, ReceiverSettings)}
        for name, table in self._database.administration.stored_receivers().items():
            if name in found:
                continue
            try:
                found[name] = checked(name, table, self._folder)
            except ConfigError as error:
                logger.error("receiver %s, made at run time: %s Correct it by REST, or remove it", name, error)
        return dict(sorted(found.items()))

    async def listed(self) -> tuple[ReceiverState, ...]:
        return await asyncio.to_thread(self._listed)

    async def missed(self, name: str, limit: int) -> tuple[Missed, ...]:
        await self._check(name)
        return await asyncio.to_thread(self._database.outbox.missed, name, limit)

    async def put(self, name: str, table: Mapping[str, Any]) -> bool:
        await self._accepted(name, table)
        return await self._stored(name, table)

    async def _accepted(self, name: str, table: Mapping[str, Any]) -> ReceiverSettings:
        if not NAME.match(name):
            raise ConfigError(f"receiver {name!r}: is no usable name. Use letters, digits, '.', '_', '-', at most 64.")
        self._check_not_configured(name)
        return await asyncio.to_thread(checked, name, table, self._folder)

    async def _stored(self, name: str, table: Mapping[str, Any]) -> bool:
        known = await asyncio.to_thread(self._database.administration.stored_receivers)
        await asyncio.to_thread(self._database.administration.store_receiver, name, table, self._clock.now())
        return name not in known

    async def remove(self, name: str) -> None:
        await self._check(name)
        self._check_not_configured(name)
        await asyncio.to_thread(self._database.administration.remove_receiver, name)

    async def test(self, name: str) -> bool:
        await self._check(name)
        raise ConfigError("no gateway runs here. Start it, or try the configuration: gateway check --send.")

    async def replay(self, name: str, since: int | None) -> int:
        await self._check(name)
        return await asyncio.to_thread(self._database.outbox.replay, name, self._clock.now(), since)

    def _listed(self) -> tuple[ReceiverState, ...]:
        """Where no configuration was read, of the configuration's own is known only how they are doing."""
        receivers, deliveries = self.all(), self._deliveries()
        made_here = set(self._database.administration.stored_receivers()) - set(self.configured)
        found = []
        for name in sorted({*receivers, *deliveries, *made_here}):
            each = receivers.get(name)
            kind, settings = (each.kind, shown(each)) if each is not None else ("", {})
            found.append(ReceiverState(name, kind, name not in made_here, settings, deliveries.get(name)))
        return tuple(found)

    async def _check(self, name: str) -> None:
        known = await asyncio.to_thread(lambda: {*self.configured, *self._database.administration.stored_receivers()})
        known |= set(await asyncio.to_thread(self._deliveries))
        if name not in known:
            raise UnknownReceiver(f"there is no receiver {name!r}. Known: {', '.join(sorted(known)) or 'none'}.")

    def _check_not_configured(self, name: str) -> None:
        if name in self.configured:
            raise ConfigError(f"receiver {name} is the configuration's. Change [receivers.{name}] there.")

    def _deliveries(self) -> dict[str, Delivery]:
        return {each.receiver: each for each in self._database.administration.deliveries()}


class RunningReceivers(StoredReceivers):
    """The same of a running gateway: what is changed takes effect at once."""

    def __init__(
        self,
        database: Database,
        configured: Mapping[str, Settings],
        state_dir: Path,
        clock: Clock,
        receivers: Receivers,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(database, configured, state_dir, clock)
        self._receivers = receivers
        self._changing = asyncio.Lock()
        self.on_change = on_change

    async def use(self, configured: Mapping[str, Settings], views: Mapping[str, Subtrees]) -> None:
        """
        Serve exactly the configuration's receivers and those that were made at run time; `views`: those of the agent.

        Raises:
            ConfigError: a sink cannot be made; all goes on as it was.
        """
        async with self._changing:
            before, self.configured = self.configured, configured
            try:
                await self._apply(views)
            except ConfigError:
                self.configured = before
                raise

    async def listed(self) -> tuple[ReceiverState, ...]:
        """What waits is what its line says, which also knows what of the log was sent past what a storm holds."""
        return tuple(map(self._with_line, await super().listed()))

    def _with_line(self, state: ReceiverState) -> ReceiverState:
        line = self._receivers.dispatcher.line(state.name)
        if line is None or state.delivery is None:
            return state
        waiting, again = line.ahead.waiting, line.next_try_at or None
        oldest = state.delivery.oldest_pending_at if waiting else None
        delivery = replace(
            state.delivery,
            pending=waiting,
            oldest_pending_at=oldest,
            next_try_at=again,
            filtered=line.counts.left_out,
        )
        return replace(state, delivery=delivery)

    async def put(self, name: str, table: Mapping[str, Any]) -> bool:
        async with self._changing:
            settings = await self._accepted(name, table)
            plan = self._receivers.plan({**await asyncio.to_thread(self.all), name: settings})
            new = await self._stored(name, table)
            await self._receivers.carry_out(plan)
            self.on_change()
            return new

    async def remove(self, name: str) -> None:
        async with self._changing:
            await super().remove(name)
            await self._apply()

    async def test(self, name: str) -> bool:
        await self._check(name)
        return await self._receivers.test(name)

    async def replay(self, name: str, since: int | None) -> int:
        waiting = await super().replay(name, since)
        self._receivers.dispatcher.wake()
        return waiting

    async def _apply(self, views: Mapping[str, Subtrees] | None = None) -> None:
        await self._receivers.carry_out(self._receivers.plan(await asyncio.to_thread(self.all), views))
        self.on_change()


def checked(name: str, table: Mapping[str, Any], folder: Path) -> ReceiverSettings:
    """
    The settings of a receiver's table. Its secrets must be names of files in `folder`. Blocking.

    Raises:
        ConfigError: with everything that is wrong.
    """
    path = ("receivers", name)
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in RECEIVER_KINDS:
        raise ConfigError(f"receivers.{name}.kind: name a kind of receiver. Known: {', '.join(RECEIVER_KINDS)}.")
    wanted = RECEIVER_KINDS[kind].settings
    if problems := [*_secrets(path, table, wanted, folder)]:
        raise ConfigurationError(f"receiver {name}", problems)
    try:
        return wanted.model_validate(table, context={"base": folder, "warn": logger.warning})
    except ValidationError as error:
        raise ConfigurationError(f"receiver {name}", list(problems_of(error, path, wanted, table))) from error


def shown(settings: ReceiverSettings) -> dict[str, Any]:
    """What of a receiver's settings may be shown: all but the secrets, of which only is said that they are given."""
    made = settings.model_dump(mode="json", exclude=set(settings.secrets()))
    return {**made, **{n: "***" for n in settings.secrets() if isinstance(getattr(settings, n), SecretStr)}}


def _secrets(path: tuple[str, ...], table: Mapping[str, Any], wanted: type[Settings], folder: Path) -> list[Problem]:
    found = []
    for name in sorted(wanted.secrets()):
        if name in table:
            said = f": a receiver that is made at run time refers to its secrets. Write it to a file in {folder}"
            found.append(Problem((*path, name), f"{said} and give its name as {name}_file."))
        file = table.get(f"{name}_file")
        if file is not None and not (isinstance(file, str) and NAME.match(file)):
            said = f": name a file in {folder}, without a folder: letters, digits, '.', '_' and '-'."
            found.append(Problem((*path, f"{name}_file"), said))
    return found
