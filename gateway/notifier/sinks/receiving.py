"""
Receiving: what the other side of an SNMP receiver needs to take our notifications.

snmptrapd.conf(5) takes keys in place of passwords: `-l` those of one engine, `-m` those of any (net-snmp 5.9). Traps of
SNMPv3 are of the sender's engine, informs of the receiver's (RFC 3414 section 1.5.1).
"""

from collections.abc import Iterator
from enum import StrEnum

from gateway.model.conditions import RULES, Category, Severity
from gateway.notifier.sinks.snmp_settings import SnmpTrapSettings
from gateway.schema.snmp.arcs import AUTHENTICATION_FAILURE, COLD_START, ENTERPRISES, WARM_START, under
from gateway.schema.snmp.notifications import (
    CONFLICT_RAISED,
    FAILURE_RAISED,
    FINDING_RAISED,
    MIGRATION_FAILED,
    NOTIFICATION_TYPES,
    RELOCATION,
    ROLE_RELOCATION,
    STALE_RAISED,
    STORAGE_RELOCATION,
    TEXT,
    Notification,
)
from gateway.wire.ber import Oid
from gateway.wire.oid import format_oid

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")

_STANDARD = (
    ("coldStart", COLD_START, "the gateway has started, with another configuration"),
    ("warmStart", WARM_START, "the gateway has started, with the same configuration"),
    ("authenticationFailure", AUTHENTICATION_FAILURE, "somebody asked the gateway with wrong credentials: $1"),
)


class Daemon(StrEnum):
    """What does something with a notification there. All of them stand behind snmptrapd."""

    SNMPTRAPD = "snmptrapd"
    SNMPTT = "snmptt"
    ZABBIX = "zabbix"


def receiving_side(settings: SnmpTrapSettings, engine_id: bytes, root: Oid, daemon: Daemon) -> str:
    """
    Files by their usual names, with what has to be in them: secrets.

    Raises:
        SecurityConfigError: the receiver's keys are those of another engine.
    """
    lines = [f"# /etc/snmp/snmptrapd.conf on {settings.host}; snmptrapd listens there on udp:{settings.port}"]
    lines += _users(settings, engine_id) if settings.version == "3" else _community(settings)
    match daemon:
        case Daemon.SNMPTT:
            lines += _snmptt(root)
        case Daemon.ZABBIX:
            lines += _zabbix(root)
        case Daemon.SNMPTRAPD:
            lines.append("# a script for each notification, if one is wanted: traphandle default /path/to/script")
    return "".join(f"{line}\n" for line in lines)


def _community(settings: SnmpTrapSettings) -> Iterator[str]:
    assert settings.community is not None
    community = settings.community.get_secret_value()
    # snmptrapd (net-snmp 5.9.3) puts it between single quotes and reads it a second time.
    again = community.replace("\\", "\\\\").replace("'", "\\'")
    yield f"authCommunity log,execute {_word(again)}"


def _users(settings: SnmpTrapSettings, engine_id: bytes) -> Iterator[str]:
    assert settings.user is not None
    given, name = settings.credentials(), _word(settings.user)
    if settings.inform:
        yield "# informs: the user is of this snmptrapd's own engine"
        master, engine, kind = given.keys(settings.user), "", "-m"
        auth_key, priv_key = master.auth_master, master.priv_master
    else:
        yield f"# traps: the user is of the gateway's engine, 0x{engine_id.hex()}"
        user, engine, kind = given.at(settings.user, engine_id), f"-e 0x{engine_id.hex()} ", "-l"
        auth_key, priv_key = user.auth_key, user.priv_key
    auth, priv = given.auth_protocol, given.priv_protocol
    words = f" {auth.value} {kind} 0x{auth_key.hex()}" if auth is not None else ""
    words += f" {priv.value} {kind} 0x{priv_key.hex()}" if priv is not None else ""
    level = "priv" if priv is not None else "auth" if auth is not None else "noauth"
    yield f"createUser {engine}{name}{words}"
    yield f"authUser log,execute {name} {level}"


def _snmptt(root: Oid) -> Iterator[str]:
    """snmptt's documentation: EVENT name OID "category" severity; $n is the n-th varbind."""
    yield "# snmptrapd has to run with -On"
    yield "traphandle default /usr/sbin/snmptthandler"
    yield ""
    yield "# /etc/snmptt/topology-gateway.conf, which snmptt.ini names under snmptt_conf_files"
    for name, oid, said in _STANDARD:
        yield f'EVENT {name} .{format_oid(oid)} "Status Events" Normal'
        yield f"FORMAT {said}"
    for each in NOTIFICATION_TYPES:
        yield f'EVENT {each.name} .{format_oid(under(root, each.oid))} "Status Events" {_severity(each)}'
        yield f"FORMAT {_said(each)}"


_RAISED = {
    FAILURE_RAISED: Category.FAILURE,
    CONFLICT_RAISED: Category.CONFLICT,
    FINDING_RAISED: Category.FINDING,
    STALE_RAISED: Category.STALE,
}
_MOVES = (RELOCATION, ROLE_RELOCATION, STORAGE_RELOCATION)


def _severity(notification: Notification) -> str:
    """snmptt has one for each type: the gravest of its alarms; that of most relocations, of which some are minor."""
    category = _RAISED.get(notification)
    if category is not None:
        return min(rule.severity for rule in RULES.values() if rule.category is category).name
    return Severity.WARNING.name if notification in (*_MOVES, MIGRATION_FAILED) else "Normal"


def _said(notification: Notification) -> str:
    """The text for people, by the number of its varbind; it names what it is about."""
    return f"${notification.objects.index(TEXT) + 1}"


def _zabbix(root: Oid) -> Iterator[str]:
    """Zabbix's documentation, "SNMP traps": in one line, for its expressions see one line only."""
    yield "traphandle default /usr/local/bin/zabbix-traps"
    yield "# texts that are not ASCII are handed over as hexadecimal digits: in one line"
    yield "[snmp] hexOutputLength 0"
    yield ""
    yield "# /usr/local/bin/zabbix-traps, executable. Zabbix's zabbix_trap_receiver.pl (with libsnmp-perl) does in its"
    yield "# place; it writes the gateway's address always."
    yield from _ZABBIX_TRAPS.splitlines()
    yield ""
    yield "# /etc/zabbix/zabbix_server.conf (or of the proxy)"
    yield "StartSNMPTrapper=1"
    yield f"SNMPTrapperFile={_ZABBIX_FILE}"
    yield ""
    yield "# An item of type SNMP trap, kind of value log, at each host with an SNMP interface of the address behind"
    yield "# ZBXTRAP: that of the affected host where it is known (snmpTrapAddress), else the gateway. What comes for"
    yield "# an address that no host has is in the server's log only: to have all at the gateway's host, take the case"
    yield "# out of the script."
    # snmptrapd writes the name where it knows the MIB, else digits, or `enterprises` and digits.
    arcs = format_oid(root[len(ENTERPRISES) :]).replace(".", "\\.")
    named = "|".join(name for name, _, _ in _STANDARD)
    ends = "".join(str(oid[-1]) for _, oid, _ in _STANDARD)
    standard = f"SNMPv2-MIB::({named})|(snmpModules|\\.6\\.3)\\.1\\.1\\.5\\.[{ends}]\\b"
    yield f'snmptrap["TOPOLOGY-GATEWAY-MIB::topology|\\.{arcs}\\.0\\.|{standard}"]'


_ZABBIX_FILE = "/var/log/snmptrap/snmptrap.log"
_ZABBIX_TRAPS = rf"""#!/bin/sh
# snmptrapd writes the sender's name, its address, and each varbind in a line: its name, a space, its value
read -r name && read -r sender || exit 1
address=$(expr "$sender" : '[^[]*\[\([^]]*\)\]')
text=
while read -r name value; do
    case $name in *snmpTrapAddress.0 | *snmpModules.18.1.3.0 | *.6.3.18.1.3.0)
        [ "$value" = 0.0.0.0 ] || address=$value ;;
    esac
    text="$text $name = $value"
done
printf '%s ZBXTRAP %s%s\n' "$(date +%Y-%m-%dT%H:%M:%S%z)" "$address" "$text" >> {_ZABBIX_FILE}
"""
"""An entry is `<time, ISO 8601> ZBXTRAP <address of the host> <anything>`."""


def _word(text: str) -> str:
    """A word of net-snmp's configuration, in quotes where it needs them."""
    if _PLAIN.issuperset(text):
        return text
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))
