"""Routes of the receivers of notifications: how they are doing, and, for administrators, what changes them."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query

from gateway.model.errors import UnknownReceiver
from gateway.model.ports import ReceiverDesk
from gateway.publishers.rest import receiver_models as m
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.parameters import Limit, known_parameters

Name = Annotated[str, Path(max_length=64)]


def receiver_routes(desk: Desk, receivers: ReceiverDesk) -> APIRouter:
    """What may be asked of receivers and done to them."""
    router = APIRouter(prefix="/api/v1/receivers", tags=["receivers"], dependencies=[Depends(known_parameters)])

    @router.get("", summary="The receivers of notifications, and how they are doing")
    async def list_receivers() -> m.ReceiversModel:
        return m.ReceiversModel(items=[m.receiver_model(each) for each in await receivers.listed()])

    @router.get("/{name}", summary="One receiver")
    async def get_receiver(name: Name) -> m.ReceiverModel:
        found = {each.name: each for each in await receivers.listed()}
        if name not in found:
            raise UnknownReceiver(f"there is no receiver {name!r}. /api/v1/receivers lists them.")
        return m.receiver_model(found[name])

    @router.get("/{name}/missed", summary="What was given up for a receiver")
    async def list_missed(name: Name, limit: Limit = 100) -> m.MissedPage:
        return m.MissedPage(items=[m.missed_model(each) for each in await receivers.missed(name, limit)])

    @router.put("/{name}", summary="Make or change a receiver, as its table of the configuration would be")
    async def put_receiver(name: Name, table: Annotated[dict[str, Any], Body()]) -> m.Changed:
        return m.Changed(name=name, new=await receivers.put(name, table))

    @router.delete("/{name}", summary="Take out a receiver that was made at run time")
    async def delete_receiver(name: Name) -> m.Removed:
        await receivers.remove(name)
        return m.Removed(name=name)

    @router.post("/{name}/test", summary="Send a test notification")
    async def test_receiver(name: Name) -> m.Tested:
        return m.Tested(name=name, acknowledged=await receivers.test(name))

    @router.post(
        "/{name}/replay", status_code=HTTPStatus.ACCEPTED, summary="Send again what was given up, or all since a time"
    )
    async def replay(
        name: Name, since: Annotated[str | None, Query(max_length=64, description="A time, as `at`.")] = None
    ) -> m.Replaying:
        return m.Replaying(name=name, waiting=await receivers.replay(name, desk.moment(since or None, "since")))

    return router
