"""Misfits: what a validator of a whole table finds, each at the key that has to change."""

from collections.abc import Iterable
from typing import Any

from pydantic_core import PydanticCustomError

Misfit = tuple[tuple[str, ...], str]
"""Keys below the table that is checked, and what is wrong with the remedy, without a full stop."""
KIND = "misfit"


def misfits(found: Iterable[Misfit]) -> PydanticCustomError:
    """The error that a validator raises; each misfit becomes a problem of its own."""
    listed = tuple(found)
    said = "; ".join(f"{'.'.join(keys)}: {text}" for keys, text in listed)
    return PydanticCustomError(KIND, "{said}", {"said": said, "found": listed})


def found_in(details: Any) -> tuple[Misfit, ...]:
    """The misfits of one of pydantic's error details; none when it is an error of another kind."""
    return tuple(details["ctx"]["found"]) if details["type"] == KIND else ()
