"""Texts as every publisher and database can hold them."""

import re

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """
    The text with U+FFFD in place of NUL and of surrogates that stand alone.

    Escapes of JSON and YAML can write them; PostgreSQL takes no NUL, and UTF-8 has no surrogates.
    """
    return _NO_TEXT.sub("\ufffd", text)
