"""The API over a small fleet: what its endpoints answer, and refuse."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ConfigDict, TypeAdapter, ValidationError
from sqlalchemy import text

from core.access import Role, Scope
from core.errors import InvalidInput
from db import users
from db.audit import list_events
from orchestrator.accounts import administration, api_tokens
from orchestrator.approvals.rules import set_change_rules
from orchestrator.use_cases import Request
from tests.conftest import PostgresForTests
from tests.fleet import Fleet, runtime_on
from tests.webapp.api_caller import ApiCaller, make_caller
from tests.webapp.conftest import Portal, portal_over

pytestmark = pytest.mark.slow

STRICT = ConfigDict(strict=True)
SHIFT = {"source_slug": "arizona", "target_slug": "ireland", "shift_pct": 10}
OSLO = {
    "slug": "oslo",
    "name": "Oslo",
    "time_zone": "Europe/Oslo",
    "latitude_deg": 59.9,
    "longitude_deg": 10.7,
}


@pytest.fixture(scope="module")
def portal(
    postgres: PostgresForTests,
    _fleet_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Portal]:
    """One fleet for all of them: no test counts on what others leave."""
    name = postgres.create(prefix="api", template=_fleet_template)
    urls = postgres.urls(name)
    runtime = runtime_on(urls)
    yield portal_over(Fleet(runtime=runtime, urls=urls), tmp_path_factory.mktemp("api"))
    runtime.engine.dispose()
    postgres.drop(name)


@pytest.fixture(scope="module")
def admin(portal: Portal) -> ApiCaller:
    return make_caller(portal, Role.ADMIN)


def test_fleet_and_forecasts_are_those_of_the_pages(admin: ApiCaller) -> None:
    fleet = admin.get("/fleet").get_json()
    slugs = [row["region"]["slug"] for row in fleet["rows"]]
    assert "arizona" in slugs
    day = admin.get("/forecasts/arizona").get_json()
    assert day["issued_at_utc"] == "2025-07-20T18:00:00Z"
    assert len(day["mean_c"]) == 24
    assert day["verdict"]["outcome"] in {"APPROVED", "BLOCKED", "approved", "blocked"}
    past = admin.get("/forecasts/arizona?local_day=2025-07-13").get_json()
    assert past["is_simulation"] is True
    assert admin.get("/forecasts/arizona/quality").status_code == 200
    assert admin.get("/forecasts/nowhere").get_json()["code"] == "not_found"


def test_a_what_if_is_evaluated_recorded_stated_and_superseded(
    admin: ApiCaller,
) -> None:
    view = admin.get("/what-if?source_slug=arizona&target_slug=ireland&shift_pct=10")
    assert view.status_code == 200
    card = admin.post("/what-ifs", SHIFT).get_json()
    key = str(uuid4())
    outcomes = [
        admin.post("/decisions", {"what_if_id": card["decision_id"]}, key)
        for _ in range(2)
    ]
    assert [o.status_code for o in outcomes] == [200, 200]
    recorded_id = outcomes[0].get_json()["card"]["decision_id"]
    assert outcomes[1].get_json()["card"]["decision_id"] == recorded_id
    stated = admin.post(
        f"/decisions/{recorded_id}/states", {"state": "acknowledged"}
    ).get_json()
    assert stated["state"] == "acknowledged"
    instead = admin.post(
        f"/decisions/{recorded_id}/what-ifs", {"shift_pct": 0}
    ).get_json()
    what_if = {"what_if_id": instead["decision_id"]}
    assert admin.post("/decisions", what_if).get_json()["code"] == "invalid_input"
    taken_back = admin.post("/decisions", {**what_if, "comment": "Not needed."})
    assert taken_back.get_json()["card"] is not None
    detail = admin.get(f"/decisions/{recorded_id}").get_json()
    assert detail["superseded_by"] is not None
    replay = admin.get(f"/decisions/{recorded_id}/replay").get_json()
    assert replay["differences"] == []
    first = admin.get("/decisions?limit=1").get_json()
    after = quote(first["next_after"])
    second = admin.get(f"/decisions?limit=1&after={after}").get_json()
    ids = [page["rows"][0]["decision_id"] for page in (first, second)]
    assert ids[0] > ids[1]


ENDS_OF_THE_CALENDAR = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
)


def test_no_parameter_takes_what_no_column_holds(portal: Portal) -> None:
    seen = 0
    for name, view in portal.app.server.view_functions.items():
        places = view.__annotations__ if name.startswith("api.") else {}
        for place in places.keys() & {"path", "query", "body"}:
            for field in places[place].model_fields.values():
                takes = TypeAdapter(field.rebuild_annotation(), config=STRICT)
                for sent in ("a\0", ["a\0"], {"a": "a\0"}, {"a\0": "a"}):
                    with pytest.raises(ValidationError):
                        takes.validate_json(json.dumps(sent))
                for sent in ENDS_OF_THE_CALENDAR:
                    with suppress(ValidationError):
                        found = takes.validate_json(json.dumps(sent))
                        assert not isinstance(found, datetime), (name, field)
                seen += 1
    assert seen > 150


@pytest.mark.parametrize("instant", ENDS_OF_THE_CALENDAR)
def test_an_instant_at_the_end_of_the_calendar_is_refused(
    admin: ApiCaller, instant: str
) -> None:
    sent = quote(instant)
    hour = {"region_slug": "arizona", "hour_utc": instant, "temperature_c": 1}
    for answer in (
        admin.get(f"/what-if?source_slug=arizona&issued_at_utc={sent}"),
        admin.get(f"/forecasts/arizona?issued_at_utc={sent}"),
        admin.post("/telemetry/hours", {"hours": [hour]}),
    ):
        assert answer.get_json()["code"] == "invalid_request"


def test_a_request_is_read_once_and_by_one_meaning(admin: ApiCaller) -> None:
    assert admin.get("/decisions?limit=5&limit=6").status_code == 422
    text = {"comment": "seen \0"}
    assert admin.post("/decisions/1/comments", text).status_code == 422
    for body in (b"[" * 100_000, json.dumps(json.dumps(SHIFT)).encode(), b"\xff"):
        assert admin.post("/what-ifs", body).get_json()["code"] == "invalid_request"


def test_what_a_program_has_already_is_not_sent_again(admin: ApiCaller) -> None:
    first = admin.get("/regions/arizona")
    again = admin.get("/regions/arizona", If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_a_kept_answer_is_for_its_scopes_and_until_something_changes(
    portal: Portal, admin: ApiCaller
) -> None:
    before = admin.get("/decisions").get_json()
    assert admin.get("/decisions").get_json() == before
    view = admin.get("/what-if?source_slug=arizona&target_slug=ireland&shift_pct=7")
    assert view.get_json()["shift_pct"] == 7.0
    admin.post("/what-ifs", {**SHIFT, "shift_pct": 3.5})
    assert admin.get("/decisions").get_json() != before
    pusher = make_caller(portal, Role.ADMIN, [Scope.TELEMETRY])
    assert pusher.get("/decisions").status_code == 403


def test_the_same_key_with_another_body_is_refused(admin: ApiCaller) -> None:
    key = str(uuid4())
    assert admin.post("/what-ifs", SHIFT, key).status_code == 200
    other = admin.post("/what-ifs", {**SHIFT, "shift_pct": 11}, key)
    assert (other.status_code, other.get_json()["code"]) == (422, "request_reused")
    assert other.mimetype == "application/problem+json"
    without = admin.send("POST", "/what-ifs", SHIFT, Idempotency_Key="x")
    assert without.status_code == 422
    assert without.get_json()["errors"][0]["field"] == "Idempotency-Key"


def test_a_plan_is_found_recorded_and_undone(admin: ApiCaller) -> None:
    plan = admin.post("/plans", {"anchor_slug": "arizona", "carbon_usd_per_t": 80})
    assert plan.status_code == 200, plan.get_data(as_text=True)
    found = plan.get_json()
    assert found["terms"]["carbon_usd_per_t"] == 80
    plan_id = found["plan_id"]
    assert admin.get(f"/plans/{plan_id}").get_json() == found
    split = {"shift_pct": 5, "shares": [["ireland", 1.0]]}
    assert (
        admin.post("/plans", {"anchor_slug": "arizona", "split": split}).status_code
        == 200
    )
    undone = admin.post(f"/plans/{plan_id}/undo", {"reason": "Not needed."})
    assert undone.status_code in {200, 400}


def test_nobody_overwrites_what_they_have_not_seen(admin: ApiCaller) -> None:
    seen = admin.get("/regions/ireland")
    tag = seen.headers["ETag"]
    change = {"flexible_load_frac": 0.4}
    key = str(uuid4())
    assert admin.send("PATCH", "/regions/ireland", change).status_code == 428
    wrong = admin.send("PATCH", "/regions/ireland", change, If_Match='"0"')
    assert (wrong.status_code, wrong.get_json()["code"]) == (412, "precondition_failed")
    changed = admin.send("PATCH", "/regions/ireland", change, key=key, If_Match=tag)
    assert changed.get_json()["facts"]["flexible_load_frac"] == 0.4
    assert changed.headers["ETag"] != tag
    again = admin.send("PATCH", "/regions/ireland", change, key=key, If_Match=tag)
    assert again.status_code == 200  # its answer was lost, and it is sent once more
    other = admin.send("PATCH", "/regions/ireland", {"name": "Eire"}, If_Match=tag)
    assert other.status_code == 412


def test_limits_and_terms_change_with_a_reason(admin: ApiCaller) -> None:
    fleet = admin.get("/policy")
    limits = {
        "thermal_limit_c": 36.0,
        "confidence": 0.95,
        "cooling_factor_c_per_pct": 0.05,
        "telemetry_max_age_h": 3,
        "reason": "New racks.",
    }
    changed = admin.send("PUT", "/policy", limits, If_Match=fleet.headers["ETag"])
    assert changed.get_json()["policy"]["thermal_limit_c"] == 36.0
    own = admin.get("/regions/ireland").headers["ETag"]
    region = admin.send(
        "PUT",
        "/regions/ireland/policy",
        {"thermal_limit_c": 33, "reason": "Older hall."},
        If_Match=own,
    )
    assert region.get_json()["policy"]["thermal_limit_c"] == 33.0
    terms = admin.send(
        "PATCH",
        "/policy/terms",
        {"migration_usd_per_mwh": 1.5, "reason": "Link fees."},
        If_Match=changed.headers["ETag"],
    )
    assert terms.get_json()["terms"]["migration_usd_per_mwh"] == 1.5


def test_what_two_people_must_agree_on_no_token_does_alone(
    portal: Portal, admin: ApiCaller
) -> None:
    with portal.runtime.request_as("cli") as request:
        for name in ("ada", "bea"):
            administration.add_user(request, name, Role.ADMIN)
        set_change_rules(request, two_people=True, reason="test")
    tag = admin.get("/regions/ireland").headers["ETag"]
    refused = admin.send(
        "PUT",
        "/regions/ireland/policy",
        {"thermal_limit_c": 31, "reason": "x"},
        If_Match=tag,
    )
    assert refused.status_code == 403
    assert refused.get_json()["code"] == "needs_second_person"
    with portal.runtime.transaction() as session:
        session.execute(
            text(
                "insert into change_rules (two_people, signed_models_only, reason,"
                " created_by_id) values (false, false, 'test', 1)"
            )
        )


def _person_with_token(portal: Portal, name: str) -> ApiCaller:
    """An admin of long ago, with a token of their own."""
    with portal.runtime.transaction() as session:
        person = users.insert_user(
            session,
            name=name,
            role=Role.ADMIN,
            password_hash="x",
            must_change_password=False,
        )
        request = Request(
            session=session,
            caller=person.as_actor(),
            now=portal.runtime.clock(),
            is_confirmed=True,
        )
        made = api_tokens.make_own_token(
            request, name="changes", scopes=[Scope.ADMIN, Scope.APPROVE]
        )
    return ApiCaller(portal=portal, secret=made.secret, token_id=made.token.token_id)


def test_a_token_of_one_person_asks_and_one_of_another_approves(
    portal: Portal, admin: ApiCaller
) -> None:
    carl, dora = (_person_with_token(portal, name) for name in ("carl", "dora"))
    rules = carl.get("/change-rules")
    both = {"two_people": True, "reason": "Two of us."}
    tag = rules.headers["ETag"]
    set_ = carl.send("PATCH", "/change-rules", both, If_Match=tag)
    assert set_.get_json() == {"two_people": True, "signed_models_only": False}
    region = carl.get("/regions/wyoming")
    limits = {"thermal_limit_c": 31.5, "reason": "Older hall."}
    key = str(uuid4())
    answers = [
        carl.send(
            "PUT",
            "/regions/wyoming/policy",
            limits,
            key=key,
            If_Match=region.headers["ETag"],
        )
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    waiting = answers[0].get_json()
    assert waiting["state"] == "waiting"
    assert answers[1].get_json()["approval_id"] == waiting["approval_id"]
    assert carl.get("/regions/wyoming").get_json() == region.get_json()
    path = f"/approvals/{waiting['approval_id']}/approve"
    assert "another person" in carl.post(path).get_json()["detail"]
    assert admin.post(path).get_json()["code"] == "forbidden"
    assert dora.get("/approvals").get_json()[0]["asked_by"] == "carl"
    done = dora.post(path)
    assert (done.status_code, done.get_json()["answered_by"]) == (200, "dora")
    changed = carl.get("/regions/wyoming").get_json()
    assert changed["policy"]["thermal_limit_c"] == 31.5
    tag = carl.get("/change-rules").headers["ETag"]
    alone = {"two_people": False, "reason": "One is enough."}
    asked = carl.send("PATCH", "/change-rules", alone, If_Match=tag).get_json()
    assert dora.post(f"/approvals/{asked['approval_id']}/refuse").status_code == 200
    asked = carl.send("PATCH", "/change-rules", alone, If_Match=tag).get_json()
    assert dora.post(f"/approvals/{asked['approval_id']}/approve").status_code == 200
    assert carl.get("/change-rules").get_json()["two_people"] is False


def test_nobody_gives_the_scope_that_stands_for_a_person_to_another(
    portal: Portal,
) -> None:
    with (
        portal.runtime.request_as("cli") as request,
        pytest.raises(InvalidInput, match="stands for a person"),
    ):
        api_tokens.make_token(
            request, owner="carl", name="x", scopes=[Scope.ADMIN, Scope.APPROVE]
        )


def test_subscriptions_are_added_changed_tested_paused_and_removed(
    admin: ApiCaller,
) -> None:
    hook = {
        "name": "ops",
        "address": "https://hooks.example/gfo",
        "kinds": ["decision.recorded"],
    }
    key = str(uuid4())
    made = [admin.post("/subscriptions", hook, key).get_json() for _ in range(2)]
    assert made[0]["secret"].startswith("whsec_")
    assert made[1] == {"name": "ops", "secret": None}  # shown once
    page = admin.get("/subscriptions/ops")
    assert "secret" not in page.get_json()["subscription"]
    tag = page.headers["ETag"]
    facts = {**page.get_json()["subscription"]["facts"], "regions": ["wyoming"]}
    del facts["name"]  # it is in the address
    changed = admin.send("PUT", "/subscriptions/ops", facts, If_Match=tag)
    assert changed.get_json()["subscription"]["facts"]["regions"] == ["wyoming"]
    lost = admin.send("PUT", "/subscriptions/ops", facts, If_Match=tag)
    assert lost.status_code == 412
    assert admin.post("/subscriptions/ops/tests").get_json()["count"] == 1
    (sent,) = admin.get("/subscriptions/ops").get_json()["newest"]
    assert sent["kind"] == "subscription.tested"
    attempts = admin.get(f"/deliveries/{sent['delivery_id']}/attempts")
    assert attempts.get_json() == []
    assert admin.get("/deliveries/999999/attempts").status_code == 404
    none_dead = admin.post("/subscriptions/ops/replays")
    assert none_dead.get_json()["code"] == "invalid_input"
    rotated = admin.post("/subscriptions/ops/secrets").get_json()
    assert rotated["secret"] not in {None, made[0]["secret"]}
    paused = admin.post("/subscriptions/ops/pause", {"is_paused": True}).get_json()
    assert paused["subscription"]["health"] == "paused"
    assert admin.post("/subscriptions/ops/remove").status_code == 200
    assert admin.get("/subscriptions").get_json() == []


def test_an_import_is_inspected_withdrawn_and_its_hours_accepted(
    admin: ApiCaller,
) -> None:
    assert admin.post("/regions", {**OSLO, "slug": "bergen"}).status_code == 200
    file = b"timestamp,region,temperature_c\n" + b"".join(
        f"2025-07-20T{hour:02}:00:00Z,bergen,21.5\n".encode() for hour in range(12)
    )
    octets = {"Content_Type": "application/octet-stream"}
    looked = admin.send("POST", "/telemetry/inspections", file, **octets).get_json()
    assert (looked["hours_accepted"], looked["region_slugs"]) == (12, ["bergen"])
    sent = admin.send("POST", "/telemetry/files", file, **octets).get_json()
    held = admin.get("/telemetry/suspect-hours?region_slug=bergen").get_json()
    assert held, "twelve equal hours are a stuck sensor"
    span = {
        "region_slug": "bergen",
        "start_utc": min(one["hour_utc"] for one in held),
        "end_utc": "2025-07-20T12:00:00Z",
        "reason": "It was calm.",
    }
    key = str(uuid4())
    accepted = [
        admin.post("/telemetry/suspect-hours/acceptances", span, key).get_json()
        for _ in range(2)
    ]
    assert accepted == [{"count": len(held)}] * 2
    batch = f"/telemetry/imports/{sent['batch_id']}"
    rows = admin.post(f"{batch}/refused/exports")
    assert (rows.status_code, rows.mimetype) == (200, "text/csv")
    key = str(uuid4())
    withdrawn = [
        admin.post(f"{batch}/withdrawal", {"reason": "Wrong file."}, key).get_json()
        for _ in range(2)
    ]
    assert withdrawn[0]["hours_changed"] == 12
    assert withdrawn[0] == withdrawn[1]
    again = admin.post(f"{batch}/withdrawal", {"reason": "Wrong file."})
    assert again.get_json()["code"] == "conflict"


def test_lists_are_exported_as_csv_and_a_model_as_it_came(admin: ApiCaller) -> None:
    decisions = admin.post("/decisions/exports", {"kind": "automatic"})
    assert decisions.get_data(as_text=True).startswith("decision_id,")
    events = admin.post("/audit/events/exports", {"action": "region_added"})
    assert events.mimetype == "text/csv"
    version = admin.get("/models").get_json()["serving"][0]["version_id"]
    onnx = admin.post(f"/models/{version}/exports")
    assert onnx.mimetype == "application/octet-stream"
    assert len(onnx.data) > 1_000
    override = admin.post(f"/models/{version}/overrides", {"reason": "It is good."})
    assert override.get_json()["code"] == "invalid_input"
    unsigned = admin.post(f"/models/{version}/signatures", {"signature": "AAAA"})
    assert unsigned.get_json()["code"] == "invalid_input"
    raw = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    keys = admin.post("/signing-keys", {"name": "ops", "public_key": raw.decode()})
    (trusted,) = keys.get_json()
    ended = admin.post(f"/signing-keys/{trusted['key_id']}/unpin").get_json()
    assert ended[0]["unpinned_at_utc"] is not None
    assert admin.post("/audit/checks").get_json()["event_count"] > 0


def test_overviews_searches_and_setup_are_those_of_the_pages(
    admin: ApiCaller,
) -> None:
    for path, member in (
        ("/overview", "totals"),
        ("/regions/arizona/overview", "limits"),
        ("/regions/arizona/setup", "steps"),
        ("/setup", "steps"),
        ("/trade-offs?source_slug=arizona&target_slug=ireland&shift_pct=5", "source"),
        ("/plans/window?anchor_slug=arizona", "window_start_utc"),
        ("/forecast-quality", "regions"),
        ("/search/regions?words=ari", "shown"),
        ("/health", "findings"),
        ("/jobs", "jobs"),
    ):
        answer = admin.get(path)
        assert answer.status_code == 200, (path, answer.get_data(as_text=True))
        assert member in answer.get_json(), path
    found = admin.get("/search?words=arizona").get_json()
    assert "arizona" in {item["key"] for item in found}
    assert admin.get("/setup/tasks").status_code == 200
    assert admin.post("/jobs/999999/retry").get_json()["code"] == "not_found"
    own = admin.get("/regions/ireland").headers["ETag"]
    by_class = admin.send(
        "PUT",
        "/regions/ireland/policy/class-limit",
        {"equipment": "A2", "approach_c": 5, "reason": "New racks."},
        If_Match=own,
    )
    assert by_class.get_json()["policy"]["thermal_limit_c"] == 30.0
    asked = admin.post("/regions/arizona/hindcasts")
    assert asked.get_json()["state"] == "waiting"
    assert admin.post("/models/trainings").status_code in {200, 409}


def test_telemetry_is_pushed_as_json_and_as_a_file(admin: ApiCaller) -> None:
    added = admin.post("/regions", OSLO)
    assert added.status_code == 200, added.get_data(as_text=True)
    hours = [
        {
            "region_slug": "oslo",
            "hour_utc": f"2025-07-20T0{hour}:00:00Z",
            "temperature_c": 20.5 + hour,
        }
        for hour in range(3)
    ]
    pushed = admin.post("/telemetry/hours", {"hours": hours})
    assert "3 rows: 3 new" in pushed.get_json()["sentence"], pushed.get_json()
    key = str(uuid4())
    file = b"timestamp,region,temperature_c\n2025-07-20T03:00:00Z,oslo,21.5\nx,oslo,1\n"
    outcomes = [
        admin.send(
            "POST",
            "/telemetry/files?label=a.csv",
            file,
            key=key,
            Content_Type="application/octet-stream",
        ).get_json()
        for _ in range(2)
    ]
    assert outcomes[0] == outcomes[1]
    batch = admin.get(f"/telemetry/imports/{outcomes[0]['batch_id']}").get_json()
    assert (batch["rows_inserted"], batch["rows_refused"]) == (1, 1)
    refused = admin.get(f"/telemetry/imports/{outcomes[0]['batch_id']}/refused")
    assert refused.get_json()["rows"][0]["line_number"] == 3
    assert len(admin.get("/telemetry/imports").get_json()["rows"]) >= 2


def test_feeds_are_added_changed_paused_run_and_removed(admin: ApiCaller) -> None:
    assert admin.post("/regions", {**OSLO, "slug": "lund"}).status_code == 200
    feed = {
        "name": "weather",
        "kind": "open-meteo",
        "address": "https://api.open-meteo.com/v1/forecast",
        "regions": {"lund": ""},
        "quantities": ["temperature_c"],
    }
    kinds = admin.post("/feeds", {**feed, "kind": "nothing"}).get_json()
    assert kinds["code"] == "invalid_input"
    made = admin.post("/feeds", feed)
    if made.status_code == 400:
        pytest.fail(made.get_data(as_text=True))
    page = admin.get("/feeds/weather")
    tag = page.headers["ETag"]
    facts = {**page.get_json()["feed"]["facts"], "every_min": 30}
    del facts["name"]  # it is in the address
    changed = admin.send("PUT", "/feeds/weather", facts, If_Match=tag)
    assert changed.get_json()["feed"]["facts"]["every_min"] == 30
    assert admin.send("PUT", "/feeds/weather", facts, If_Match=tag).status_code == 412
    assert admin.post("/feeds/weather/runs").status_code == 200
    paused = admin.post("/feeds/weather/pause", {"is_paused": True}).get_json()
    assert paused["feed"]["health"] == "paused"
    assert [item["facts"]["name"] for item in admin.get("/feeds").get_json()] == [
        "weather"
    ]
    assert admin.post("/feeds/weather/remove").get_json()["name"] == "weather"
    assert admin.get("/feeds").get_json() == []
    assert admin.post("/feeds/weather/remove").status_code == 404


def test_models_are_listed_and_given(admin: ApiCaller) -> None:
    models = admin.get("/models").get_json()
    serving = models["serving"][0]
    assert admin.get(f"/models/{serving['version_id']}").status_code == 200
    key = str(uuid4())
    given = [
        admin.send("POST", "/models?label=m.onnx", b"not a model", key=key).get_json()
        for _ in range(2)
    ]
    assert given[0]["state"] == "quarantined"
    assert given[0]["upload_id"] == given[1]["upload_id"]
    same = admin.post(
        f"/models/{serving['version_id']}/activations", {"reason": "again"}
    )
    assert same.get_json()["code"] == "conflict"
    back = admin.post("/serving/temperature_c/rollbacks", {"reason": "worse"})
    assert back.get_json()["code"] == "conflict"


def test_events_name_the_token_and_are_exported_with_proof(
    portal: Portal, admin: ApiCaller
) -> None:
    admin.post("/what-ifs", SHIFT)
    events = admin.get("/audit/events?action=decision_what_if&limit=1").get_json()
    event = admin.get(f"/audit/events/{events['rows'][0]['seq']}").get_json()
    assert json.loads(event["payload"])["token_id"] == admin.token_id
    assert event["hash_is_right"] is True
    assert admin.get("/audit/chain").get_json()["event_count"] > 0
    export = admin.post("/audit/exports", {"first_seq": 1, "last_seq": 5})
    assert export.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(export.data)) as archive:
        assert "verify_export.py" in archive.namelist()
    with portal.runtime.transaction() as session:
        newest = list_events(session, limit=1)[0]
    assert newest.action == "audit_exported"


def test_twenty_equal_posts_make_one_decision(portal: Portal, admin: ApiCaller) -> None:
    card = admin.post("/what-ifs", SHIFT).get_json()
    key, body = str(uuid4()), {"what_if_id": card["decision_id"]}
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: admin.post("/decisions", body, key), range(20))
        )
    done = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert len({a.get_json()["card"]["decision_id"] for a in done}) == 1
    with portal.runtime.transaction() as session:
        found = [event.request_id for event in list_events(session, limit=100)]
    assert found.count(key) == 1
