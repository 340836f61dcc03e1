"""Signed models: pinned keys alone count, and the rules can require them."""

from __future__ import annotations

import base64
import io
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from core.forecasts import Target
from db import model_uploads, model_versions
from db.audit import list_events
from db.model_signatures import model_origin
from db.users import system_actor
from models.metadata import Family
from models.smallest import smallest_model
from orchestrator.approvals.rules import set_change_rules
from orchestrator.registry.activation import activate_model, roll_back_model
from orchestrator.registry.model_files import GivenFile, receive_model
from orchestrator.registry.models_page import model_detail
from orchestrator.registry.signatures import (
    add_signature,
    pin_signing_key,
    signing_keys,
    unpin_signing_key,
)
from orchestrator.registry.training import train_models
from tests.asking import asking
from tests.fleet import TRAINED_UNTIL, Fleet
from tests.models.foreign import day_before
from tests.orchestrator.test_model_activation import UNTIL
from tests.orchestrator.test_model_upload import served
from tests.orchestrator.test_serving import put_into_service

PRIVATE, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def signature(key: Ed25519PrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content)).decode()


@pytest.fixture
def admin(session: Session) -> Actor:
    return system_actor(session, "cli")


def test_a_key_is_pinned_as_pem_or_base64_once(session: Session, admin: Actor) -> None:
    pem = PRIVATE.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    key = pin_signing_key(
        asking(session, admin), name=" Release ", public_key=pem.decode()
    )
    assert (key.name, key.pinned_by) == ("Release", "cli")
    with pytest.raises(Conflict, match="trusted already"):
        pin_signing_key(
            asking(session, admin), name="Again", public_key=public(PRIVATE)
        )
    unpin_signing_key(asking(session, admin), key.key_id)
    with pytest.raises(Conflict, match="not trusted now"):
        unpin_signing_key(asking(session, admin), key.key_id)
    again = pin_signing_key(
        asking(session, admin), name="Again", public_key=public(PRIVATE)
    )
    assert again.fingerprint == key.fingerprint
    states = [
        found.unpinned_at_utc is None for found in signing_keys(asking(session, admin))
    ]
    assert states == [True, False]


CURVE = ec.generate_private_key(ec.SECP256R1()).public_key()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        base64.b64encode(b"x" * 31).decode(),
        "-----BEGIN PUBLIC KEY-----\nrubbish\n-----END PUBLIC KEY-----",
        CURVE.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    ],
)
def test_what_is_no_ed25519_key_is_refused(
    session: Session, admin: Actor, text: str
) -> None:
    with pytest.raises(InvalidInput):
        pin_signing_key(asking(session, admin), name="x", public_key=text)
    assert signing_keys(asking(session, admin)) == ()


def test_an_upload_with_a_wrong_signature_is_not_taken(
    session: Session, admin: Actor
) -> None:
    content = smallest_model()
    pin_signing_key(asking(session, admin), name="Release", public_key=public(PRIVATE))

    def send(signed: str) -> None:
        file = GivenFile.read(io.BytesIO(content), "m.onnx")
        receive_model(asking(session, admin), file, signed)

    wrong = [
        signature(OTHER, content),
        signature(PRIVATE, content + b"x"),
        "AAAA",
        "not base64!",
    ]
    for signed in wrong:
        with pytest.raises(InvalidInput, match=r"trusted key|64 bytes|base64"):
            send(signed)
    assert model_uploads.list_model_uploads(session) == []
    send(signature(PRIVATE, content))
    send(signature(PRIVATE, content))  # again: neither upload nor event
    actions = [event.action for event in list_events(session, limit=3)]
    assert actions == [
        AuditAction.MODEL_SIGNED,
        AuditAction.MODEL_UPLOADED,
        AuditAction.SIGNING_KEY_PINNED,
    ]


def test_only_signed_models_may_be_activated_where_the_rules_say_so(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        admin = fleet.actor(session)
        first = served(session)
        second = put_into_service(session, day_before(UNTIL))
        ask = asking(session, admin)
        set_change_rules(ask, signed_models_only=True, reason="Ours alone.")
        for change in (
            lambda: roll_back_model(ask, Target.TEMPERATURE_C, reason="x"),
            lambda: activate_model(ask, first, reason="x"),
        ):
            with pytest.raises(InvalidInput, match="no signature of a trusted key"):
                change()
        content = model_versions.model_bytes(session, first)
        key = pin_signing_key(ask, name="Release", public_key=public(PRIVATE))
        pin_signing_key(ask, name="Other", public_key=public(OTHER))
        with pytest.raises(InvalidInput, match="No trusted key"):
            add_signature(ask, second, signature=signature(PRIVATE, content))
        origin = add_signature(ask, first, signature=signature(PRIVATE, content))
        assert origin.words == (
            "trained here on stored telemetry by worker, signed by"
            f" Release ({key.fingerprint})"
        )
        assert activate_model(ask, first, reason="x").version_id == first
        event = list_events(session, action=AuditAction.MODEL_ACTIVATED)[0]
        assert key.fingerprint in event.payload
        shown = model_detail(ask, first, region_slug=None).origin
        assert {item.label: item.value for item in shown}["Signed by"] == (
            f"Release ({key.fingerprint}), added by cli"
        )
        unpin_signing_key(ask, key.key_id)
        assert not model_origin(session, first).is_signed
        put_into_service_fails = "no signature of a trusted key"
        with pytest.raises(InvalidInput, match=put_into_service_fails):
            roll_back_model(ask, Target.TEMPERATURE_C, reason="x")


@pytest.mark.slow
def test_a_model_trained_here_waits_for_its_signature_where_the_rules_say_so(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        ask = asking(session, fleet.actor(session))
        set_change_rules(ask, signed_models_only=True, reason="Ours alone.")
        (trained,) = train_models(
            ask,
            targets=[Target.WET_BULB_C],
            until_day=TRAINED_UNTIL - timedelta(days=1),
            seed=7,
            family=Family.RIDGE,
            activate=True,
        )
        assert (trained.state, trained.is_active) == ("validated", False)
        content = model_versions.model_bytes(session, trained.version_id)
        pin_signing_key(ask, name="Release", public_key=public(PRIVATE))
        add_signature(ask, trained.version_id, signature=signature(PRIVATE, content))
        activate_model(ask, trained.version_id, reason="Signed.")
