"""Refusals: who asked with wrong credentials, by what and how often. Bounded, however many addresses there are."""

from typing import Final, NamedTuple

MOST: Final = 32
"""So many are told apart; who guesses may forge any number of addresses."""
OTHERS: Final = "other addresses"


class Refused(NamedTuple):
    """So many requests from one address, refused for one reason."""

    source: str
    why: str
    times: int

    def __str__(self) -> str:
        return f"{self.source} asked with {self.why}" + (f", {self.times} times" if self.times > 1 else "")


class Refusals:
    """What was refused since somebody looked. Knows neither communities nor keys."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def note(self, source: str, why: str) -> None:
        """One request was refused."""
        asked = (source, why)
        if asked not in self._counts and len(self._counts) >= MOST:
            asked = (OTHERS, "wrong credentials")
        self._counts[asked] = self._counts.get(asked, 0) + 1

    def take(self) -> tuple[Refused, ...]:
        """All of it, in order of the first of each; it is forgotten here."""
        found = tuple(Refused(*asked, count) for asked, count in self._counts.items())
        self._counts.clear()
        return found
