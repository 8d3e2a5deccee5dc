"""
The one tree of errors that cross rooms.

GatewayError
├── ConfigError            a setting is wrong: says the key path and the remedy
├── SourceError            a source could not be read; what is known of it stays, and grows stale
│   ├── SourceUnavailable  it did not answer, or answered that it cannot
│   ├── SourcePartly       some of its parts did not answer, others did
│   └── SourceMalformed    it answered something that cannot be understood
├── IngestError            what was pushed to us is not what we expect
├── StoreError             the database refused
│   ├── StoreUnavailable   disk full, locked, server gone: the same transaction may succeed later
│   ├── SchemaMismatch     its schema is newer than this program, or is no schema of ours
│   └── LeaseLost          another gateway leads in front of this database now
├── DeliveryError          a receiver did not take a notification
├── WindowError            a planned window cannot be as somebody wants it
└── LookupFailed           a name that a person gave means nothing, or more than one thing
    ├── UnknownEntity
    ├── UnknownReceiver
    ├── UnknownWindow
    └── AmbiguousName
"""


class GatewayError(Exception):
    """Any error whose message is meant for a person."""


class ConfigError(GatewayError):
    """A setting is wrong. The message names the key path, the value and what to do."""


class SourceError(GatewayError):
    """A source could not be read."""


class SourceUnavailable(SourceError):
    """The source did not answer in time, or answered that it cannot."""


class SourcePartly(SourceError):
    """Some parts of the source do not answer. `parts`: of each its name, and what is wrong and what to do."""

    def __init__(self, said: str, parts: tuple[tuple[str, str], ...]) -> None:
        super().__init__(said)
        self.parts = parts


class SourceMalformed(SourceError):
    """The source answered something that cannot be understood."""


class IngestError(GatewayError):
    """A pushed document is not what the collector expects."""


class StoreError(GatewayError):
    """The database refused."""


class StoreUnavailable(StoreError):
    """Disk full, locked, server gone: the same transaction may succeed later."""


class SchemaMismatch(StoreError):
    """The database's schema is newer than this program, or is not ours."""


class LeaseLost(StoreError):
    """Another gateway leads in front of this database: this one must write no more."""


class DeliveryError(GatewayError):
    """A receiver did not take a notification."""


class WindowError(GatewayError):
    """A planned window cannot be as somebody wants it."""


class LookupFailed(GatewayError):
    """A name that a person gave cannot be resolved to one entity."""


class UnknownEntity(LookupFailed):
    """No entity has that name, index or id."""


class UnknownReceiver(LookupFailed):
    """No receiver has that name."""


class UnknownWindow(LookupFailed):
    """No planned window that is open has that number."""


class AmbiguousName(LookupFailed):
    """More than one entity has that name; the message lists them."""
