"""Standings: how each receiver is getting on, of its line, its settings and what was given up; from memory."""

from dataclasses import replace

from gateway.app.receivers import Receivers
from gateway.model.ports import Missed
from gateway.model.standings import Standing
from gateway.notifier.settings import ReceiverSettings


class ReceiverStandings:
    """Of the receivers that are served; belongs to their event loop."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    def standings(self) -> tuple[Standing, ...]:
        return tuple(self._standing(name, settings) for name, settings in sorted(self._receivers.settings.items()))

    def missed(self) -> tuple[Missed, ...]:
        return self._receivers.dispatcher.given_up.newest

    def _standing(self, name: str, settings: ReceiverSettings) -> Standing:
        dispatcher = self._receivers.dispatcher
        counts, line = dispatcher.counts[name], dispatcher.line(name)
        missed, replaying = dispatcher.given_up.counts.get(name, (0, 0))
        made = Standing(
            name,
            settings.address,
            settings.protocol,
            settings.acknowledges,
            sent=counts.sent,
            acknowledged=counts.delivered if settings.acknowledges else 0,
            retried=counts.retried,
            given_up=counts.given_up,
            left_out=counts.left_out,
            summarised=counts.summarised,
            missed=missed,
            replaying=replaying,
            last_sent=counts.last,
        )
        if line is None:
            return made
        progress = line.progress
        return replace(
            made,
            health=line.health,
            waiting=line.ahead.waiting,
            position=progress.position,
            delivered_at=progress.delivered_at,
            error=progress.error,
        )
