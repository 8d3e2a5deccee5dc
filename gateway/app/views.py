"""Views of a configuration: by name for receivers, of whole columns, and there when somebody names them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.config.configuration import Configuration
from gateway.config.problems import Problem
from gateway.config.settings import Settings
from gateway.model.errors import ConfigError
from gateway.model.snapshot import Snapshot
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.publishers.snmp import SnmpPublisher, SnmpSettings
from gateway.publishers.snmp.settings import ALL
from gateway.schema.snmp.engine import SnmpEngine, new_engine_id
from gateway.schema.snmp.views import EVERYTHING, Subtrees
from gateway.support.clock import SystemClock
from gateway.wire.ber import Oid


def views_of(configuration: Configuration, root: Oid) -> dict[str, Subtrees]:
    """The agent's views, by name: a receiver may be told by one of them. `root`: where the MIB hangs."""
    settings = configuration.publishers["snmp"]
    assert isinstance(settings, SnmpSettings)
    own = {name: Subtrees.parse(each.include, each.exclude, root) for name, each in settings.views.items()}
    return {ALL: EVERYTHING, **own}


def view_problems(snmp: SnmpSettings, receivers: Mapping[str, Settings]) -> Iterator[Problem]:
    """Receivers whose view is not there, and what is no whole column (one view is told)."""
    known = [ALL, *snmp.views]
    for name, each in receivers.items():
        if isinstance(each, SnmpTrapSettings) and each.view is not None and each.view not in known:
            yield Problem(("receivers", name, "view"), f": {each.view!r} is no view. Known: {', '.join(known)}.")
    nobody = snmp.model_copy(update={"users": {}})  # hashing their passwords takes long
    engine = SnmpEngine(new_engine_id(bytes(12)), 1, 0.0, snmp.root)
    try:
        SnmpPublisher(nobody, _Nothing(Snapshot()), engine, SystemClock())
    except ConfigError as error:
        yield Problem((), f"{error}.")


@dataclass(frozen=True, slots=True)
class _Nothing:
    """The topology of an agent that is only made."""

    snapshot: Snapshot
