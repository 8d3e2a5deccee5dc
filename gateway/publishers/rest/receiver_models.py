"""Models of the receivers of notifications, and of what they missed."""

from datetime import datetime
from typing import Any

from gateway.model.ports import Delivery, Missed, ReceiverState
from gateway.publishers.rest import render
from gateway.publishers.rest.models import EventModel, Model


class DeliveryModel(Model):
    """How a receiver is doing; the counters hold since it was configured."""

    pending: int
    """Events of the log that are told and that it has not come to yet."""
    oldest_pending_at: datetime | None
    delivered: int
    summarised: int
    """Told in a summary instead of one by one."""
    filtered: int
    """Not for it, by its filters or its view, since the gateway started."""
    given_up: int
    missed: int
    """Given up and not asked for again."""
    replaying: int
    """Asked for again, and not sent yet."""
    delivered_at: datetime | None
    position: int
    """Number of the log up to which everything is done with."""
    last_error: str
    """Of what is tried now; empty: the last try went well."""
    next_try_at: datetime | None
    """When what failed is tried again; null: nothing waits for that. A test that succeeds is followed by a try."""


class ReceiverModel(Model):
    """A receiver; secrets are not shown."""

    name: str
    kind: str
    by_configuration: bool
    """False: it was made at run time, and can be changed and removed here."""
    settings: dict[str, Any]
    delivery: DeliveryModel | None
    """null: it is not served."""


class ReceiversModel(Model):
    """All receivers, by name."""

    items: list[ReceiverModel]


class MissedModel(Model):
    """An event that was given up for a receiver, or is asked for again."""

    event: EventModel
    at: datetime
    error: str
    replaying: bool


class MissedPage(Model):
    """What a receiver missed, in the order of the log."""

    items: list[MissedModel]


class Changed(Model):
    """A receiver was made or changed."""

    name: str
    new: bool


class Removed(Model):
    """A receiver was taken out."""

    name: str


class Tested(Model):
    """A test notification was sent."""

    name: str
    acknowledged: bool
    """The receiver has it: it takes informs. Traps nobody acknowledges."""


class Replaying(Model):
    """What was missed is sent again."""

    name: str
    waiting: int
    """So many events wait for that; those since a time are sent when the receiver's filters take them."""


def receiver_model(state: ReceiverState) -> ReceiverModel:
    delivery = _delivery(state.delivery) if state.delivery is not None else None
    return ReceiverModel(
        name=state.name,
        kind=state.kind,
        by_configuration=state.by_configuration,
        settings=dict(state.settings),
        delivery=delivery,
    )


def missed_model(missed: Missed) -> MissedModel:
    return MissedModel(
        event=render.event_model(missed.event),
        at=render.moment(missed.at),
        error=missed.error,
        replaying=missed.wanted,
    )


def _delivery(delivery: Delivery) -> DeliveryModel:
    oldest, latest, again = delivery.oldest_pending_at, delivery.delivered_at, delivery.next_try_at
    return DeliveryModel(
        pending=delivery.pending,
        oldest_pending_at=render.moment(oldest) if oldest is not None else None,
        delivered=delivery.delivered,
        summarised=delivery.summarised,
        filtered=delivery.filtered,
        given_up=delivery.failed,
        missed=delivery.missed,
        replaying=delivery.replaying,
        delivered_at=render.moment(latest) if latest is not None else None,
        position=delivery.position,
        last_error=delivery.last_error,
        next_try_at=render.moment(again) if again is not None else None,
    )
