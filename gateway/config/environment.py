"""Environment overrides: `GATEWAY_SECTION__KEY` puts a value over what the file says."""

import tomllib
from collections.abc import Mapping
from typing import Any

from gateway.config.problems import KeyPath, Problem

PREFIX = "GATEWAY_"
SEPARATOR = "__"


def override(document: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[KeyPath, str], list[Problem]]:
    """
    Put the overrides into `document` (changed in place).

    `GATEWAY_SOURCES__DEV__INTERVAL_S=30` sets `sources.dev.interval_s`. A key that the file has already is found
    whatever its case, with `-` written as `_`. The value is read as TOML (30, true, ["a", "b"]), else it is a string.

    Returns:
        (which variable set which key, what is wrong).
    """
    origins: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or SEPARATOR not in variable:
            continue
        path = tuple(variable.removeprefix(PREFIX).split(SEPARATOR))
        if "" in path:
            problems.append(Problem((variable,), ": has an empty part. Write GATEWAY_SECTION__KEY."))
            continue
        placed = _place(document, path, _value(environ[variable]))
        if placed is None:
            problems.append(Problem((variable,), ": goes through a key that is no table. Correct its name."))
        else:
            origins[placed] = variable
    return origins, problems


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, KeyError, RecursionError):
        return text


def _place(document: dict[str, Any], path: KeyPath, value: Any) -> KeyPath | None:
    table: Any = document
    real: list[str] = []
    for part in path[:-1]:
        real.append(_key(table, part))
        table = table.setdefault(real[-1], {})
        if not isinstance(table, dict):
            return None
    real.append(_key(table, path[-1]))
    table[real[-1]] = value
    return tuple(real)


def _key(table: Mapping[str, Any], part: str) -> str:
    wanted = part.lower()
    return next((key for key in table if key.lower().replace("-", "_") == wanted), wanted)
