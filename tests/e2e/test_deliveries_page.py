"""An admin adds a webhook, tests it, and sees why it fails; an auditor reads it."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest

from orchestrator.deliveries.deliverer import Deliverer
from orchestrator.deliveries.secrets import SecretPlaces
from orchestrator.deliveries.sending import SendingMeans
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import utc_now
from tests.deliveries.portals import QUICK, receiving
from tests.e2e.people import PASSWORD
from tests.e2e.serving import Portal
from tests.e2e.test_accessibility import grave_findings
from tests.e2e.visitor import Visitor
from tests.feeds.local_source import Reply

pytestmark = pytest.mark.e2e

KIND = '#subscription-kinds input[id$="policy.changed"]'


def test_a_webhook_is_added_tested_mended_and_read(
    visitor: Visitor, portal: Portal
) -> None:
    with receiving() as receiver:
        visitor.come_in("ada", "/admin/deliveries")
        visitor.sees("#deliveries-table", "There is no subscription yet")
        visitor.follow("Add a subscription")
        visitor.type_into("#subscription-name", "ops")
        visitor.type_into("#subscription-address", receiver.hook)
        visitor.type_into("#deliveries-password", PASSWORD)
        visitor.click("#deliveries-save")
        visitor.sees("#deliveries-form", "Choose at least one kind of event")
        visitor.click(KIND)
        visitor.type_into("#deliveries-password", PASSWORD)
        visitor.click("#deliveries-save")
        visitor.sees("#deliveries-form", "addressed without TLS")
        visitor.type_into("#subscription-private-hosts", "localhost")
        visitor.type_into("#deliveries-password", PASSWORD)
        visitor.click("#deliveries-save")
        receiver.secret = visitor.sees("#deliveries-secret", "whsec_")
        visitor.sees("#deliveries-list", "ops", "good")

        visitor.open("/admin/deliveries?subscription=ops")
        visitor.sees("#deliveries-state", "made here, sealed")
        receiver.reply = lambda _: Reply(status=503)
        visitor.click("#deliveries-test")
        visitor.sees("#deliveries-acted-status", "A test is on its way.")
        _deliver(portal)
        visitor.open("/admin/deliveries?subscription=ops")
        visitor.sees("#deliveries-state", "The last try failed.", "status 503")
        receiver.reply = lambda _: Reply()
        visitor.click("#deliveries-pause")
        visitor.sees("#deliveries-acted-status", "Paused.")
        visitor.sees("#deliveries-list", "paused")
        visitor.click("#deliveries-resume")
        visitor.sees("#deliveries-acted-status", "Goes on.")
        _deliver(portal)
        visitor.open("/admin/deliveries?subscription=ops")
        visitor.sees("#deliveries-newest", "subscription.tested", "Taken (200).")
        assert [payload["type"] for payload in receiver.taken] == [
            "subscription.tested"
        ]
        assert visitor.browser.console_errors() == []
        assert grave_findings(visitor) == []

        visitor.log_out()
        visitor.come_in("anton", "/admin/deliveries?subscription=ops")
        visitor.sees("#deliveries-newest", "delivered")
        for hidden in ("test", "remove", "form"):
            visitor.sees_no(f"#deliveries-{hidden}")


def _deliver(portal: Portal) -> None:
    """As the worker does."""
    runtime = replace(portal.runtime, clock=utc_now)
    places = SecretPlaces(
        environ=os.environ, secrets_dir=None, key=factor_key(runtime.settings)
    )
    means = SendingMeans(secrets=places, limits=QUICK)
    deliverer = Deliverer(runtime, threading.Event(), means)
    for thread in deliverer.look():
        thread.join(20)
    deliverer.close()
