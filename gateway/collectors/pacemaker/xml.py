"""XML of a cluster: documents read with bounds, and what their attributes say."""

from gateway.model.errors import SourceMalformed
from gateway.support.bounded_xml import Bounds, XmlRefused, bounded_xml
from gateway.support.bounded_xml import Element as Element

BOUNDS = Bounds(size=32 * 1024 * 1024, depth=64, elements=500_000)
"""A CIB of 1,000 resources on 32 nodes has about 10 MiB."""


def read_xml(document: bytes, what: str) -> Element:
    """
    The root element of a document; `what` names it in errors ("the output of crm_mon").

    Raises:
        SourceMalformed: it is no XML, too large, or has a DOCTYPE.
    """
    try:
        return bounded_xml(document, BOUNDS)
    except XmlRefused as error:
        raise SourceMalformed(f"{what} {error}") from error


def required(element: Element, name: str, what: str) -> str:
    """
    An attribute that must be there.

    Raises:
        SourceMalformed: it is missing; names element and attribute.
    """
    value = element.get(name)
    if value is None:
        known = element.get("name") or element.get("id") or ""
        raise SourceMalformed(f"{what}: <{element.tag}{f' {known!r}' if known else ''}> has no attribute {name!r}.")
    return value


def flag(value: str | None, default: bool = False) -> bool:
    """A boolean as Pacemaker writes it (crm_str_to_boolean: true, on, yes, y, 1)."""
    return default if value is None else value.strip().lower() in ("true", "on", "yes", "y", "1")
