"""Routes of planned windows: which are open, and, for administrators, declaring and ending them."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from gateway.model.errors import StoreUnavailable, UnknownWindow
from gateway.model.ports import TopologyView, WindowDesk
from gateway.model.windows import WindowWish
from gateway.publishers.rest import render
from gateway.publishers.rest.access import actor
from gateway.publishers.rest.desk import Desk
from gateway.publishers.rest.parameters import At, KnownAt, known_parameters, parse_coming
from gateway.publishers.rest.problems import Refused
from gateway.publishers.rest.window_models import WindowDeclared, WindowDetail, WindowModel, WindowsModel, WindowWanted
from gateway.topology.coverage import covers
from gateway.topology.lookup import MAX_INDEX, End, Meaning, meaning

Number = Annotated[int, Path(ge=1, le=MAX_INDEX, description="`index` of the window.")]


def window_routes(desk: Desk, windows: WindowDesk | None) -> APIRouter:
    """Reads of planned windows; with `windows` also what changes them."""
    router = APIRouter(prefix="/api/v1/windows", tags=["windows"], dependencies=[Depends(known_parameters)])

    @router.get("", response_model=WindowsModel, summary="Planned windows that have not ended")
    async def list_windows(request: Request, at: At = None, known_at: KnownAt = None) -> Response:
        def answer(view: TopologyView, now: int) -> WindowsModel:
            items = [render.window_model(view, window) for window in view.open_windows()]
            return WindowsModel(items=items, revision=view.revision, at=render.moment(now))

        return await desk.answer(request, at, known_at, answer)

    @router.get("/{index}", response_model=WindowDetail, summary="One planned window, and all that it covers")
    async def get_window(request: Request, index: Number, at: At = None, known_at: KnownAt = None) -> Response:
        def answer(view: TopologyView, now: int) -> WindowDetail:
            found = next((window for window in view.open_windows() if window.index == index), None)
            if found is None:
                raise UnknownWindow(f"no planned window {index} is open {view.when}. /api/v1/windows lists them.")
            covered = [render.ref(entity) for entity in covers(view, found)]
            return WindowDetail(**dict(render.window_model(view, found)), covers=covered)

        return await desk.answer(request, at, known_at, answer)

    if windows is not None:
        _changes(router, desk, windows)
    return router


def _changes(router: APIRouter, desk: Desk, windows: WindowDesk) -> None:
    @router.post("", status_code=HTTPStatus.CREATED, summary="Declare a planned window")
    async def declare_window(request: Request, wanted: WindowWanted) -> WindowDeclared:
        meant = [meaning(desk.topology.snapshot, name, End.BOTTOM, wanted.kind) for name in wanted.entities]
        with _told_when_not_stored():
            window = await windows.declare(_wish(wanted, meant, desk.clock.now(), actor(request.scope) or wanted.by))
        shown = render.window_model(desk.topology.snapshot, window)
        return WindowDeclared(**dict(shown), notes=[one.note for one in meant if one.note])

    @router.delete("/{index}", summary="End a planned window now, or call it off")
    async def close_window(index: Number) -> WindowModel:
        with _told_when_not_stored():
            return render.window_model(desk.topology.snapshot, await windows.close(index))


@contextmanager
def _told_when_not_stored() -> Iterator[None]:
    """A change that the database did not take is tried again with the next one, so nobody should repeat it blindly."""
    try:
        yield
    except StoreUnavailable:
        said = "the database did not take it yet, and is asked again. Look at the list before you repeat it"
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, said, {"Retry-After": "5"}) from None


def _wish(wanted: WindowWanted, meant: list[Meaning], now: int, by: str) -> WindowWish:
    starts_at = now if wanted.starts_at is None else parse_coming(wanted.starts_at, now, "starts_at")
    return WindowWish(
        name=wanted.name,
        entities=tuple(one.entity.index for one in meant),
        starts_at=starts_at,
        ends_at=parse_coming(wanted.ends_at, max(starts_at, now), "ends_at"),
        reason=wanted.reason,
        declared_by=by,
    )
