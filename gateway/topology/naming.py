"""Naming: a text that is told names what it is about, once, so that it can be read alone (an SMS, a line of a log)."""

import re


def naming(name: str, text: str) -> str:
    """The text, after the name of what it is about and a colon, unless it says that name itself."""
    if not text or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", text):
        return text
    return f"{name}: {text}"
