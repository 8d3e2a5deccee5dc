"""YAML with places: a file's bytes as nodes that know their line, read key by key; problems are gathered."""

import unicodedata
from collections.abc import Iterator, Mapping

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gateway.collectors.declared.problems import Problem, Spot, meant

DEEPEST = 12
"""Levels of nesting; the format has five."""
LONGEST_TEXT = 1000
NULL = "tag:yaml.org,2002:null"


class NotYaml(Exception):
    """The bytes are no YAML document that we accept."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


class _Loader(yaml.SafeLoader):
    """Composes nodes; refuses anchors that are used again (no expansion can grow), and bottomless nesting."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            raise NotYaml(Problem(_at(self._mark()), "YAML aliases (*name) are not supported. Write it out."))
        self.depth += 1
        if self.depth > DEEPEST:
            raise NotYaml(Problem(_at(self._mark()), "is nested too deeply. See docs/declared.md for the format."))
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _mark(self) -> yaml.Mark:
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return mark


def compose(data: bytes) -> Node | None:
    """
    The document's root node; None when it is empty.

    Raises:
        NotYaml: it is not UTF-8, not YAML, more than one document, or uses aliases.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotYaml(Problem(Spot(line, 1), "is not UTF-8. Save the file as UTF-8.")) from error
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYaml(Problem(_at(mark), f"is no YAML: {error.problem or error.context}.")) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        said = f"has a character that YAML forbids ({error.character!r}). Remove it."
        raise NotYaml(Problem(Spot(line, 1), said)) from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, in the scanner
        raise NotYaml(Problem(Spot(1, 1), "has an escape sequence that is no character. Correct it.")) from error


class Reader:
    """Reads nodes as what they should be. What is wrong is noted in `problems`, and read as nothing."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, spot: Spot, text: str) -> None:
        self.problems.append(Problem(spot, text))

    def mapping(self, node: Node, path: str, known: frozenset[str], required: frozenset[str]) -> Mapping[str, Node]:
        """Keys and values; unknown, repeated and missing keys are problems."""
        if not isinstance(node, MappingNode):
            self.problem(spot(node, path), f"must be a table of keys, not {_kind(node)}. Keys: {_list(known)}.")
            return {}
        found: dict[str, Node] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else ""
            here = spot(key_node, f"{path}.{key}" if path else key)
            if key not in known:
                self.problem(here, f"unknown key. {meant(key, known)}")
            elif key in found:
                self.problem(here, "is given twice. Remove one of the two.")
            else:
                found[key] = value
        for key in sorted(required - found.keys()):
            self.problem(spot(node, path), f"{key} is missing. Add it.")
        return found

    def items(self, node: Node, path: str) -> Iterator[tuple[str, Node]]:
        """(path, node) of each item of a list."""
        if _is_null(node):
            return
        if not isinstance(node, SequenceNode):
            self.problem(spot(node, path), f"must be a list, not {_kind(node)}. Begin each item with '- '.")
            return
        for number, item in enumerate(node.value):
            yield f"{path}[{number}]", item

    def text(self, node: Node, path: str) -> str | None:
        """One line of text, exactly as it is written (`no` and `007` too)."""
        if not isinstance(node, ScalarNode) or _is_null(node):
            self.problem(spot(node, path), f"must be a text, not {_kind(node)}. Give one.")
            return None
        value: str = node.value.strip()
        if not value or len(value) > LONGEST_TEXT:
            self.problem(spot(node, path), f"must have 1 to {LONGEST_TEXT} characters. Give a shorter text, or none.")
            return None
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            self.problem(spot(node, path), "has control characters. Write it in one line of plain text.")
            return None
        return value

    def choice(self, node: Node, path: str, known: tuple[str, ...]) -> str | None:
        """One of these words."""
        value = self.text(node, path)
        if value is not None and value not in known:
            self.problem(spot(node, path), f"{value!r} is unknown. {meant(value, known)}")
            return None
        return value


def spot(node: Node, path: str) -> Spot:
    """Where a node begins."""
    return Spot(node.start_mark.line + 1, node.start_mark.column + 1, path)


def is_text(node: Node) -> bool:
    return isinstance(node, ScalarNode) and not _is_null(node)


def _at(mark: yaml.Mark | None) -> Spot:
    return Spot(mark.line + 1, mark.column + 1) if mark is not None else Spot(1, 1)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == NULL


def _kind(node: Node) -> str:
    if _is_null(node):
        return "nothing"
    names = {MappingNode: "a table of keys", SequenceNode: "a list", ScalarNode: "a text"}
    return next(name for kind, name in names.items() if isinstance(node, kind))


def _list(known: frozenset[str]) -> str:
    return ", ".join(sorted(known))
