"""XML of libvirt: documents read with bounds, and what their elements say."""

from collections.abc import Mapping

from gateway.model.errors import SourceMalformed
from gateway.support.bounded_xml import Bounds, XmlRefused, bounded_xml
from gateway.support.bounded_xml import Element as Element

BOUNDS = Bounds(size=8 * 1024 * 1024, depth=128, elements=200_000)
"""The capabilities of a host of 512 CPUs have about 400 KiB; a backing chain nests two elements for each image."""


def read_xml(document: str, root: str, what: str) -> Element:
    """
    The root element, which must be `root`; `what` names the document in errors ("the XML of a domain").

    Raises:
        SourceMalformed: it is no XML, of another kind, too large, or has a DOCTYPE.
    """
    try:
        found = bounded_xml(document, BOUNDS)
    except XmlRefused as error:
        raise SourceMalformed(f"{what} {error}") from error
    if found.tag != root:
        raise SourceMalformed(f"{what} begins with <{found.tag[:40]}>, not with <{root}>.")
    return found


def text(element: Element, path: str) -> str:
    """The text at a path, empty when it is not there."""
    return (element.findtext(path) or "").strip()


def required(element: Element, path: str, what: str) -> str:
    """
    The text at a path that must be there.

    Raises:
        SourceMalformed: it is missing or empty.
    """
    found = text(element, path)
    if not found:
        raise SourceMalformed(f"{what}: <{element.tag}> has no <{path}>.")
    return found


def attribute(element: Element, path: str, name: str) -> str:
    """An attribute of the element at a path, empty when either is not there."""
    found = element.find(path)
    return found.get(name, "") if found is not None else ""


_UNITS: Mapping[str, int] = {
    "b": 1,
    "byte": 1,
    "bytes": 1,
    **{letter: 1 << 10 * power for power, letter in enumerate("kmgtpe", start=1)},
    **{f"{letter}ib": 1 << 10 * power for power, letter in enumerate("kmgtpe", start=1)},
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgtpe", start=1)},
}


def size(element: Element, path: str, default_unit: str = "bytes") -> int:
    """A scaled integer in bytes (`<memory unit='KiB'>`); 0 when it is missing or no number."""
    found = element.find(path)
    number = (found.text or "").strip() if found is not None else ""
    if found is None or not number.isascii() or not number.isdigit() or len(number) > 20:
        return 0
    return int(number) * _UNITS.get(found.get("unit", default_unit).lower(), 1)


def whole_number(number: str) -> int:
    """A number as libvirt writes it; 0 for anything else."""
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 20 else 0
