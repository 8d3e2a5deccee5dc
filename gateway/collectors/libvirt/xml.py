"""XML of libvirt, read with bounds: no DOCTYPE, no entities, no bottomless documents."""

from collections.abc import Mapping
from xml.etree import ElementTree

from gateway.model.errors import SourceMalformed

MAX_CHARACTERS = 8 * 1024 * 1024
"""Longest document; the capabilities of a host of 512 CPUs have about 400 KiB."""
MAX_DEPTH = 128
"""A backing chain of qcow2 images nests two elements for each image."""
MAX_ELEMENTS = 200_000

Element = ElementTree.Element


class _Refused(Exception):
    """The document is of a kind that libvirt does not write."""


class _BoundedBuilder(ElementTree.TreeBuilder):
    """Builds the tree, and refuses what grows beyond reason."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._elements = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _Refused("it has a DOCTYPE")

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise _Refused(f"its elements are nested deeper than {MAX_DEPTH}")
        if self._elements > MAX_ELEMENTS:
            raise _Refused(f"it has more than {MAX_ELEMENTS} elements")
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)


def read_xml(document: str, root: str, what: str) -> Element:
    """
    The root element, which must be `root`; `what` names the document in errors ("the XML of a domain").

    Raises:
        SourceMalformed: it is no XML, of another kind, too large, or has a DOCTYPE.
    """
    if len(document) > MAX_CHARACTERS:
        raise SourceMalformed(f"{what} has {len(document)} characters; more than {MAX_CHARACTERS} are not read.")
    parser = ElementTree.XMLParser(target=_BoundedBuilder())
    try:
        parser.feed(document)
        found: Element = parser.close()
    except _Refused as error:
        raise SourceMalformed(f"{what} is refused: {error}.") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise SourceMalformed(f"{what} is no XML: {error}. It begins with {document[:80]!r}.") from error
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
