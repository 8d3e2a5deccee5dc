"""XML of a stranger, read with bounds: no DOCTYPE, no entities, no bottomless documents."""

from dataclasses import dataclass
from xml.etree import ElementTree

Element = ElementTree.Element


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a document may have at most. `size`: octets of bytes, characters of text."""

    size: int
    depth: int
    elements: int


class XmlRefused(ValueError):
    """The document is no XML, or grows beyond its bounds; says which, without its name."""


class _Beyond(Exception):
    """The document is of a kind that no honest writer makes."""


def bounded_xml(document: str | bytes, bounds: Bounds) -> Element:
    """
    The root element.

    Raises:
        XmlRefused: "is refused: it has a DOCTYPE.", "is no XML: ...", "has 9 octets; more than 8 are not read."
    """
    if len(document) > bounds.size:
        unit = "octets" if isinstance(document, bytes) else "characters"
        raise XmlRefused(f"has {len(document)} {unit}; more than {bounds.size} are not read.")
    parser = ElementTree.XMLParser(target=_BoundedBuilder(bounds))
    try:
        parser.feed(document)
        root: Element = parser.close()
    except _Beyond as error:
        raise XmlRefused(f"is refused: {error}.") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        # ValueError, LookupError: an encoding that Python does not know
        raise XmlRefused(f"is no XML: {error}. It begins with {document[:80]!r}.") from error
    return root


class _BoundedBuilder(ElementTree.TreeBuilder):
    """Builds the tree, and refuses what grows beyond reason."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self._bounds = bounds
        self._depth = 0
        self._elements = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _Beyond("it has a DOCTYPE")

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > self._bounds.depth:
            raise _Beyond(f"its elements are nested deeper than {self._bounds.depth}")
        if self._elements > self._bounds.elements:
            raise _Beyond(f"it has more than {self._bounds.elements} elements")
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)
