"""XML from a source, read with bounds: no DOCTYPE, no entities, no bottomless documents."""

from xml.etree import ElementTree

from gateway.model.errors import SourceMalformed

MAX_BYTES = 32 * 1024 * 1024
"""Longest document, in octets; a CIB of 1,000 resources on 32 nodes has about 10 MiB."""
MAX_DEPTH = 64
MAX_ELEMENTS = 500_000

Element = ElementTree.Element


class _Refused(Exception):
    """The document is of a kind we do not read."""


class _BoundedBuilder(ElementTree.TreeBuilder):
    """Builds the tree, and refuses what no tool of the cluster writes."""

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


def read_xml(document: bytes, what: str) -> Element:
    """
    The root element of a document; `what` names it in errors ("the output of crm_mon").

    Raises:
        SourceMalformed: it is no XML, too large, or has a DOCTYPE.
    """
    if len(document) > MAX_BYTES:
        raise SourceMalformed(f"{what} has {len(document)} octets; more than {MAX_BYTES} are not read.")
    parser = ElementTree.XMLParser(target=_BoundedBuilder())
    try:
        parser.feed(document)
        root: Element = parser.close()
    except _Refused as error:
        raise SourceMalformed(f"{what} is refused: {error}.") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        # ValueError, LookupError: an encoding that Python does not know
        raise SourceMalformed(f"{what} is no XML: {error}. It begins with {document[:80]!r}.") from error
    return root


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
