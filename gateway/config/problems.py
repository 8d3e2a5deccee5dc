"""Problems: what is wrong in a configuration, each with its key path, the value and the remedy."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from gateway.config.misfits import KIND as MISFIT
from gateway.config.misfits import found_in
from gateway.config.settings import Settings
from gateway.model.errors import ConfigError

KeyPath = tuple[str, ...]
_SECRET = re.compile("pass|secret|key|token|communit|credential", re.IGNORECASE)
"""A key that is named so is not shown with its value, whatever its type."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one key."""

    path: KeyPath
    text: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}{self.text}"


class ConfigurationError(ConfigError):
    """All that is wrong in a configuration, at once."""

    def __init__(self, origin: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        head = f"{origin}: {len(self.problems)} error{'s' if len(self.problems) != 1 else ''}"
        super().__init__("\n  ".join([head, *map(str, self.problems)]))


def all_of(errors: Sequence[ConfigError]) -> ConfigError:
    """One error that says all of them, each on a line."""
    if len(errors) == 1:
        return errors[0]
    return ConfigError("\n  ".join([f"{len(errors)} errors", *map(str, errors)]))


def dotted(path: KeyPath) -> str:
    """`sources.dev.interval_s`; a key that needs quotes in TOML has them."""
    return ".".join(key if key.replace("-", "_").isidentifier() or key.isdigit() else f'"{key}"' for key in path)


def unknown(path: KeyPath, known: Iterable[str], what: str = "key") -> Problem:
    """An unknown key, with what was probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(path[-1], names, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(names)}."
    return Problem(path, f": unknown {what}. {hint}")


def problems_of(error: ValidationError, path: KeyPath, settings: type[Settings], table: Any) -> list[Problem]:
    """What pydantic found in one table, in the words of this house."""
    found: list[Problem] = []
    listed = error.errors(include_url=False)
    wrong_in = {details["loc"][:-1] for details in listed}
    for details in listed:
        if details["type"] == MISFIT:
            found += _misfits(details, path)
        elif details["type"] != "too_short" or details["loc"] not in wrong_in:  # wrong entries do not count as any
            found.append(_problem(details, path, settings, table))
    return found


def _misfits(details: Any, path: KeyPath) -> Iterator[Problem]:
    """Each at its own key; a secret that cannot be read replaces its field by the key that was written."""
    location = tuple(map(str, details["loc"]))
    for keys, said in found_in(details):
        above = location[:-1] if location and keys[0] in (location[-1], f"{location[-1]}_file") else location
        yield Problem((*path, *above, *keys), f": {said}.")


def _problem(details: Mapping[str, Any], path: KeyPath, settings: type[Settings], table: Any) -> Problem:
    location = tuple(str(part) for part in details["loc"])
    here = path + location
    owner, field = _field_at(settings, location)
    remedy = (field.description or "") if field is not None else ""
    match details["type"]:
        case "extra_forbidden":
            return unknown(here, _keys(owner))
        case "missing":
            return Problem(here, f": is missing. {remedy or 'Add it.'}")
    hidden = (location[:1] and location[0] in settings.secrets()) or any(_SECRET.search(key) for key in location)
    shown = "" if hidden else _shown(table, location)
    said = _message(details).removeprefix(f"{shown[len(' = ') :]} ")  # a validator may begin with the value
    return Problem(here, f"{shown}: {said}{'' if said.endswith('?') else '.'} {remedy or 'Correct it.'}")


_WANTED = {
    ("tuple_type", "list_type", "set_type", "frozen_set_type"): "must be a list in brackets",
    ("dict_type", "model_type", "model_attributes_type"): "must be a table",
    ("string_type",): "must be a text in quotes",
    ("bool_type", "bool_parsing"): "must be true or false",
    ("int_type", "int_parsing", "int_from_float"): "must be a whole number",
    ("float_type", "float_parsing"): "must be a number",
}
_WORDS = {kind: said for kinds, said in _WANTED.items() for kind in kinds}


def _message(details: Mapping[str, Any]) -> str:
    """What is wrong, as the rest of our sentence; of our own validators as they say it."""
    if said := _WORDS.get(details["type"]):
        return said
    if details["type"] in ("too_short", "string_too_short") and details["ctx"]["min_length"] == 1:
        return "must not be empty"
    text = str(details["msg"])
    own = text.removeprefix("Value error, ")
    if own != text:
        return own.rstrip(".")
    text = text.rstrip(".").replace(" after validation", "").replace("Input should ", "must ", 1)
    return text[:1].lower() + text[1:]


def _keys(settings: type[Settings]) -> list[str]:
    return [*settings.model_fields, *(f"{name}_file" for name in settings.secrets())]


def _field_at(settings: type[Settings], location: KeyPath) -> tuple[type[Settings], FieldInfo | None]:
    """The innermost table on the way to a location, and its field there."""
    field = settings.model_fields.get(location[0]) if location else None
    inner, many = _table_in(field.annotation) if field is not None else (None, False)
    further = location[2:] if many else location[1:]
    return _field_at(inner, further) if inner is not None and further else (settings, field)


def _table_in(annotation: Any) -> tuple[type[Settings] | None, bool]:
    """The settings class that a field holds, and whether it holds many of them by key or by number."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation, False
    many = get_origin(annotation) in (dict, tuple, list)
    inner = next((found for each in get_args(annotation) if (found := _table_in(each)[0]) is not None), None)
    return inner, many


def _shown(table: Any, location: KeyPath) -> str:
    """` = VALUE` as it was given; nothing for a whole table, and not more than a line."""
    value = table
    for key in location:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return ""
    if isinstance(value, Mapping | list):
        return ""
    text = repr(value)
    return f" = {text}" if len(text) <= 80 else f" = {text[:77]}..."
