"""Lists and single things over REST: what they show, how they are paged, and what they showed then."""

from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from gateway.model.changes import Changes
from gateway.model.conditions import SettleTimes
from gateway.model.entities import DECLARED, EntityKind, EntityState
from gateway.model.relations import RelationKind
from gateway.topology.revise import register_source, update_source
from tests.topology.estate import SECOND, T0, uuid

MOMENT = datetime.fromtimestamp(T0 / SECOND, UTC)


async def get(client: httpx.AsyncClient, path: str, **params: object) -> dict:
    response = await client.get(f"/api/v1/{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def pages(client: httpx.AsyncClient, path: str, **params: object) -> list[dict]:
    found = []
    cursor = {}
    while True:
        page = await get(client, path, **params, **cursor)
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def test_entities_are_listed_by_index_with_state_age_and_records(client, gateway):
    page = await get(client, "entities", name="vm1")
    (vm1,) = page["items"]
    index = gateway.estate.index("vm:vm1")
    assert (vm1["index"], vm1["id"], vm1["kind"], vm1["state"]) == (index, uuid(index), "vm", "running")
    assert (vm1["records"], vm1["sources"]) == (["kvm/vm/vm1"], ["kvm"])
    assert (vm1["age_s"], vm1["stale"]) == (11.0, False)
    assert datetime.fromisoformat(vm1["state_since"]).timestamp() == T0 / SECOND - 60
    assert (page["revision"], page["next"]) == (1, None)


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"kind": "rack"}, ["r1", "r2"]),
        ({"kind": ["rack", "site"]}, ["hq", "r1", "r2"]),
        ({"name": "WEB-*"}, ["web-ip", "web-srv"]),
        ({"name": "ALPHA"}, ["alpha", "alpha"]),
        ({"name": "n?", "kind": "ha_node"}, ["n1", "n2", "n3"]),
        ({"source": "kvm", "kind": "vm"}, ["vm1", "vm2", "vm3"]),
        ({"state": "stopped"}, ["batch"]),
        ({"source": "nobody"}, []),
    ],
)
async def test_entities_are_filtered(client, params, names):
    assert [item["name"] for item in (await get(client, "entities", **params))["items"]] == names


async def test_a_thing_with_two_names_is_found_by_both_also_with_wildcards(client, gateway):
    alpha = gateway.estate.index("physical_host:alpha")
    gateway.estate.add(EntityKind.PHYSICAL_HOST, "srv-1", "facts", DECLARED, entity=alpha)
    gateway.snapshot = gateway.estate.snapshot()
    for name in ("srv-1", "srv-*", "alpha", "alph*"):
        found = await get(client, "entities", name=name, kind="physical_host")
        assert [(item["index"], item["name"]) for item in found["items"]] == [(alpha, "srv-1")]


async def test_pages_join_to_the_whole_and_the_next_one_is_in_the_link_header(client, gateway):
    response = await client.get("/api/v1/entities", params={"limit": 10, "kind": ["vm", "ha_resource"]})
    assert 'rel="next"' in response.headers["link"]
    followed = await client.get(response.links["next"]["url"])
    assert len(response.json()["items"]) == 10
    assert followed.json()["items"][0]["index"] > response.json()["items"][-1]["index"]
    whole = [entity.index for entity in gateway.snapshot.all_entities()]
    assert [item["index"] for item in await pages(client, "entities", limit=7)] == whole


async def test_pages_are_stable_while_the_topology_changes(client, gateway):
    first = await get(client, "entities", limit=10)
    gone = first["items"][3]["index"]
    gateway.estate.records = {n: r for n, r in gateway.estate.records.items() if r.index != gone}
    gateway.estate.add(gateway.estate.records["vm:vm1"].key.kind, "new", "kvm", index=500)
    gateway.snapshot = gateway.estate.snapshot(revision=2)
    rest = await get(client, "entities", limit=1000, cursor=first["next"])
    seen = [item["index"] for item in first["items"] + rest["items"]]
    assert len(seen) == len(set(seen))
    assert set(seen) == {e.index for e in gateway.snapshot.all_entities()} | {gone}
    assert rest["revision"] == 2


async def test_relation_pages_are_stable_while_relations_come_and_go(client, gateway):
    before = await pages(client, "relations", limit=1000)
    first = await get(client, "relations", limit=9)
    gateway.estate.claims = [c for c in gateway.estate.claims if c.upper != first["items"][-1]["upper"]["index"]]
    gateway.snapshot = gateway.estate.snapshot(revision=2)
    rest = await get(client, "relations", limit=1000, cursor=first["next"])
    assert first["items"] + rest["items"] == before


async def test_relations_are_found_by_either_end_and_by_kind(client):
    down = await get(client, "relations", upper="shop")
    assert [(r["kind"], r["lower"]["name"]) for r in down["items"]] == [("depends_on", "web"), ("depends_on", "db")]
    up = await get(client, "relations", lower="ha_node:n1", kind="runs_on", limit=1000)
    assert [r["upper"]["name"] for r in up["items"]] == ["vip", "web-ip", "web-srv", "ping", "db"]
    assert {r["role"] for r in up["items"]} == {"started", "promoted"}
    every = await pages(client, "relations", limit=3, lower="ha_node:n1")
    assert len(every) == 5


async def test_one_entity_shows_placement_and_alarms(client, gateway):
    for reference in ("vip", "ha_resource:vip", "ha_resource/vip", str(gateway.estate.index("ha_resource:vip"))):
        vip = await get(client, f"entities/{reference}")
        assert vip["placement"]["host"]["name"] == "n1"
        assert [alarm["condition"] for alarm in vip["alarms"]] == ["blocked"]


async def test_every_read_names_its_revision(client, gateway):
    gateway.commit()
    for path in ("entities", "relations", "alarms", "sources", "events", "where/vip", "impact/n1", "entities/vip"):
        response = await client.get(f"/api/v1/{path}")
        assert response.headers["x-topology-revision"] == "2", path


async def test_where_goes_down_to_the_site(client):
    answer = await get(client, "where/vip")
    assert answer["status"] == "placed"
    names, hops = [], answer["hops"]
    while hops:
        names.append(f"{hops[0]['entity']['kind']}:{hops[0]['entity']['name']}")
        hops = hops[0]["below"]
    assert names[0] == "ha_node:n1"
    assert names[-3:] == ["physical_host:alpha", "rack:r1", "site:hq"]
    assert answer["hops"][0]["age_s"] == 11.0


async def test_a_name_that_all_layers_of_a_machine_have_means_the_top_to_where_and_the_bottom_to_impact(client):
    where = await get(client, "where/alpha")
    assert where["entity"]["kind"] == "hypervisor"
    assert "alpha: hypervisor; also physical_host of that name below it" in where["notes"]
    impact = await get(client, "impact/alpha")
    assert [lost["kind"] for lost in impact["lost"]] == ["physical_host"]
    assert "also hypervisor of that name above it" in impact["said"]
    assert (await get(client, "where/alpha", kind="physical_host"))["entity"]["kind"] == "physical_host"


async def test_impact_takes_one_or_several(client):
    one = await get(client, "impact/physical_host:alpha")
    assert [(c["kind"], c["lost"], c["degraded"]) for c in one["counts"]][:2] == [
        ("service", 0, 1),
        ("ha_cluster", 0, 1),
    ]
    both = await get(client, "impact", entity=["n1", "n2"])
    assert [ref["name"] for ref in both["lost"]] == ["n1", "n2"]
    shop = next(one for one in both["affected"] if one["entity"]["name"] == "shop")
    assert shop["effect"] == "lost"
    assert [step["entity"]["name"] for step in shop["path"]] == ["db", "n1"]


async def test_a_long_impact_is_cut_but_counted(client):
    whole = await get(client, "impact/physical_host:alpha")
    cut = await get(client, "impact/physical_host:alpha", limit=3)
    assert cut["affected"] == whole["affected"][:3]
    assert cut["affected"][0]["layer"] == "service"
    assert (cut["omitted"], whole["omitted"]) == (len(whole["affected"]) - 3, 0)
    assert cut["counts"] == whole["counts"]


async def test_the_past_is_answered_at_each_way_to_write_a_time(client, gateway):
    vip = gateway.estate.index("ha_resource:vip")
    before = gateway.snapshot.placements.get(vip)
    gateway.clock.advance(100)
    after = replace(before, host=gateway.estate.index("ha_node:n2"), since=gateway.clock.now())
    gateway.database.repository.commit(
        Changes(
            revision=2,
            at=gateway.clock.now(),
            next_index=gateway.snapshot.next_index,
            next_alarm=gateway.snapshot.next_alarm,
            placements={vip: (before, after)},
        )
    )
    gateway.estate.placements[vip] = after
    gateway.snapshot = gateway.estate.snapshot(revision=2)
    gateway.clock.advance(60)
    assert (await get(client, "where/vip"))["hops"][0]["entity"]["name"] == "n2"
    for at in ("-2m", "-1m30s", f"{T0 // SECOND + 5}", MOMENT.replace(microsecond=5).isoformat(), "-2m"):
        then = await get(client, "where/vip", at=at)
        assert then["hops"][0]["entity"]["name"] == "n1", at
    assert (await get(client, "entities/vip", at="-2m"))["placement"]["host"]["name"] == "n1"
    assert (await get(client, "entities", at="-2m", kind="rack"))["items"][0]["name"] == "r1"
    assert {e["entity"]["name"] for e in (await get(client, "impact/n1", at="-2m"))["affected"]} >= {"vip", "web"}
    stays = (await get(client, "entities/vip/history"))["items"]
    assert [(stay["host"]["name"], stay["until"] is None) for stay in stays] == [("n2", True), ("n1", False)]


@pytest.mark.parametrize(
    "path", ["entities", "relations", "alarms", "sources", "where/vip", "impact/n1", "entities/vip"]
)
async def test_each_read_takes_at_and_known_at(client, path):
    then = await get(client, path, at="-5s", known_at="-1s")
    assert then.get("at", "2025-11-21T04:40:05Z") == "2025-11-21T04:40:05Z"


async def test_the_past_before_the_beginning_is_empty(client):
    assert (await get(client, "entities", at="-1h"))["items"] == []
    assert (await client.get("/api/v1/where/vip", params={"at": "-1h"})).status_code == 404


@pytest.mark.parametrize("path", ["where/vip", "impact/vip", "entities/vip", "entities/vip/history", "events"])
async def test_before_the_beginning_it_says_when_the_history_begins(client, path):
    began = MOMENT.isoformat().replace("+00:00", "Z")
    asked = {"at": "-1h"} | ({"entity": "vip"} if path == "events" else {})
    response = await client.get(f"/api/v1/{path}", params=asked)
    assert response.status_code == 404
    assert f"the history begins at {began}. Ask about a later time." in response.json()["detail"]
    later = await client.get("/api/v1/where/nothing", params={"at": "-5s"})
    assert "no entity is called 'nothing'" in later.json()["detail"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("tomorrow", "write 2026-11-21T03:00:00Z"),
        ("2025-11-21T03:00:00", "the zone is missing"),
        ("2999-01-01T00:00:00Z", "lies in the future"),
        ("0001-01-01T00:00:00Z", "lies outside"),
        ("0001-01-01T00:00:00+23:59", "lies outside|write 2026"),
        ("99999999999999999999", "write 2026"),
        ("-1y", "write 2026"),
    ],
)
async def test_a_time_that_cannot_be_meant_is_refused_with_the_remedy(client, at, said):
    response = await client.get("/api/v1/entities", params={"at": at})
    assert response.status_code == 422
    assert any(words in response.json()["detail"] for words in said.split("|")), response.text


async def test_a_while_ago_is_written_with_or_without_a_minus(client):
    times = [(await get(client, "sources", at=ago))["at"] for ago in ("-1h30m", "1h30m", "90m", "5400s")]
    assert len(set(times)) == 1


async def test_a_plus_that_became_a_blank_on_its_way_is_understood(client):
    assert (await client.get("/api/v1/sources?at=2025-11-21T05:40:05+01:00")).json()["at"] == "2025-11-21T04:40:05Z"


async def test_known_at_needs_at(client):
    response = await client.get("/api/v1/entities", params={"known_at": "-1h"})
    assert (response.status_code, response.json()["title"]) == (422, "Unprocessable Entity")


async def test_sources_tell_how_they_are_doing(client):
    sources = (await get(client, "sources"))["items"]
    assert [(s["name"], s["kind"], s["state"], s["interval_s"]) for s in sources] == [
        ("facts", "declared", "ok", 0.0),
        ("kvm", "libvirt", "ok", 20.0),
        ("c1", "pacemaker", "ok", 20.0),
    ]
    assert sources[1]["age_s"] == 11.0


async def test_alarms_are_listed_raised_or_with_those_that_were_cleared(client, gateway):
    (raised,) = (await get(client, "alarms"))["items"]
    assert (raised["condition"], raised["severity"], raised["entity"]["name"]) == ("blocked", "critical", "vip")
    assert raised["cleared_at"] is None
    assert raised["key"] == f"blocked:{gateway.estate.records['ha_resource:vip'].id}"
    (alarm,) = gateway.estate.alarms
    gateway.database.repository.commit(
        Changes(
            revision=2,
            at=gateway.clock.now(),
            next_index=gateway.snapshot.next_index,
            next_alarm=gateway.snapshot.next_alarm,
            alarms={1: (alarm, None)},
        )
    )
    gateway.snapshot = gateway.estate.snapshot(revision=2, alarms=())
    assert (await get(client, "alarms"))["items"] == []
    (cleared,) = (await get(client, "alarms", active="false"))["items"]
    assert cleared["cleared_at"] == "2025-11-21T04:40:10Z"
    assert len((await get(client, "alarms", at="-5s"))["items"]) == 1
    assert (await get(client, "alarms", active="false", category="finding"))["items"] == []


async def test_a_merged_record_is_found_by_either_index(client, gateway):
    estate = gateway.estate
    canonical = estate.index("vm:vm1")
    twin = estate.add(estate.records["vm:vm1"].key.kind, "vm1-declared", "facts", entity=canonical)
    estate.claim(RelationKind.PART_OF, "vm:vm1-declared", "site:hq")
    gateway.snapshot = estate.snapshot(revision=2)
    assert (await get(client, f"entities/{twin}"))["index"] == canonical
    assert (await get(client, f"entities/{twin}"))["records"] == ["kvm/vm/vm1", "facts/vm/vm1-declared"]


# -- what a read does not know, and what it says of the past ---------------------------------------------------


READS = ("entities", "entities/vip", "entities/vip/history", "relations", "alarms", "sources", "events", "where/vip")


@pytest.mark.parametrize("path", [*READS, "impact", "impact/n1", "events/stream", "events/x"])
async def test_a_parameter_that_a_read_does_not_have_is_refused_and_named(client, path):
    response = await client.get(f"/api/v1/{path}", params={"atr": "-1h"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith("query.atr: no parameter of this read; possible: ")


async def test_the_refusal_names_what_is_possible(client):
    said = (await client.get("/api/v1/sources", params={"atr": "-1h"})).json()["detail"]
    assert said.endswith("possible: at, known_at")


async def move_vip(gateway, host: str) -> None:
    """vip moves; a minute passes."""
    vip = gateway.estate.index("ha_resource:vip")
    before = gateway.estate.placements[vip]
    after = replace(before, host=gateway.estate.index(f"ha_node:{host}"), since=gateway.clock.now())
    revision = gateway.snapshot.revision + 1
    gateway.database.repository.commit(
        Changes(
            revision=revision,
            at=gateway.clock.now(),
            next_index=gateway.snapshot.next_index,
            next_alarm=gateway.snapshot.next_alarm,
            placements={vip: (before, after)},
        )
    )
    gateway.estate.placements[vip] = after
    gateway.snapshot = gateway.estate.snapshot(revision=revision)
    gateway.clock.advance(60)


async def test_the_history_of_an_entity_is_paged(client, gateway):
    for host in ("n2", "n3", "n1", "n2"):
        await move_vip(gateway, host)
    first = await get(client, "entities/vip/history", limit=2)
    await move_vip(gateway, "n3")
    rest = await get(client, "entities/vip/history", limit=2, cursor=first["next"])
    last = await get(client, "entities/vip/history", limit=2, cursor=rest["next"])
    hosts = [stay["host"]["name"] for page in (first, rest, last) for stay in page["items"]]
    assert (hosts, last["next"]) == (["n2", "n1", "n3", "n2", "n1"], None)


async def test_the_history_of_an_entity_then_ends_then(client, gateway):
    for host in ("n2", "n3"):
        await move_vip(gateway, host)
    then = await get(client, "entities/vip/history", at="-90s")
    assert [(stay["host"]["name"], stay["until"] is None) for stay in then["items"]] == [("n2", True), ("n1", False)]
    assert [stay["closed_revision"] for stay in then["items"]] == [None, 2]
    assert then["at"] == "2025-11-21T04:40:40Z"


@pytest.mark.parametrize("path", ["where/nothing", "entities/999", "impact/nothing", "entities/999/history"])
async def test_what_is_not_known_then_is_said_with_the_time(client, path):
    response = await client.get(f"/api/v1/{path}", params={"at": "2025-11-21T04:40:05Z"})
    assert response.status_code == 404
    assert "at 2025-11-21T04:40:05Z" in response.json()["detail"]
    now = await client.get(f"/api/v1/{path}")
    assert "at revision 1" in now.json()["detail"]


async def test_cleared_alarms_are_listed_as_they_stood_then(client, gateway):
    (alarm,) = gateway.estate.alarms
    gateway.database.repository.commit(
        Changes(
            revision=2,
            at=gateway.clock.now(),
            next_index=gateway.snapshot.next_index,
            next_alarm=gateway.snapshot.next_alarm,
            alarms={1: (alarm, None)},
        )
    )
    gateway.clock.advance(60)

    async def cleared(**params: str) -> list[str | None]:
        return [alarm["cleared_at"] for alarm in (await get(client, "alarms", active="false", **params))["items"]]

    assert await cleared(at="-5s") == ["2025-11-21T04:40:10Z"]
    assert await cleared(at="-65s") == [None]
    assert await cleared(at="-2m") == []
    assert await cleared(at="-5s", known_at="-65s") == [None]


async def test_a_source_of_a_past_time_shows_nothing_that_came_later(client, gateway):
    ids = iter(uuid(700_000 + number) for number in range(9))
    c1 = gateway.snapshot.sources["c1"]
    snapshot, registered = register_source(gateway.snapshot, c1, gateway.clock.now(), lambda: next(ids))
    gateway.database.repository.commit(registered)
    gateway.clock.advance(60)
    ok = replace(snapshot.sources["c1"], last_success=gateway.clock.now(), reads=7)
    _, read = update_source(snapshot, ok, EntityState.RUNNING, gateway.clock.now(), SettleTimes(), lambda: next(ids))
    gateway.database.repository.commit(read)
    gateway.clock.advance(60)
    assert (await get(client, "sources", at="2020-01-01T00:00:00Z"))["items"] == []
    (before,) = (await get(client, "sources", at="-90s"))["items"]
    unknown = ("last_success", "age_s", "reads", "failures", "last_duration_s")
    assert before["state"] == "starting"
    assert {name: before[name] for name in unknown} == dict.fromkeys(unknown)
    (after,) = (await get(client, "sources", at="-30s"))["items"]
    assert (after["state"], after["age_s"]) == ("ok", 30.0)


@pytest.mark.parametrize(("intervals", "stale"), [(3, True), (10, False)])
async def test_what_is_stale_is_settled_by_the_configuration(gateway, intervals, stale):
    gateway.clock.advance(80)
    async with gateway.client(stale_intervals=intervals) as client:
        (vm1,) = (await get(client, "entities", name="vm1"))["items"]
        where = await get(client, "where/vm1")
        impact = await get(client, "impact/n1")
        relations = (await get(client, "relations", upper="vm:vm1", kind="runs_on"))["items"]
        assert (await get(client, "entities/vm:vm1"))["stale"] is stale
    assert [vm1["stale"], where["entity"]["stale"], where["hops"][0]["stale"], impact["stale"]] == [stale] * 4
    assert [relation["stale"] for relation in relations] == [stale]


async def test_head_is_answered_as_get_without_its_content(client):
    for path in ("/healthz", "/api/v1/entities", "/api/v1/where/vip"):
        answer, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == answer.headers["content-length"]
    assert (await client.head("/api/v1/where/nothing")).status_code == 404
    assert (await client.head("/api/v1/events/stream")).status_code == 405
