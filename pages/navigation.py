"""Every page of the portal: address, title, permission, place in the navigation bar."""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.admin_models.actions import register_actions as model_actions
from pages.admin_models.callbacks import register_callbacks as models
from pages.admin_models.layout import models_layout, version_layout
from pages.admin_regions.callbacks import register_callbacks as regions
from pages.admin_regions.layout import layout as regions_layout
from pages.admin_telemetry.callbacks import register_callbacks as telemetry
from pages.admin_telemetry.layout import layout as telemetry_layout
from pages.admin_users.callbacks import register_callbacks as users
from pages.admin_users.layout import layout as users_layout
from pages.alarms.bar import register_bar
from pages.alarms.callbacks import register_callbacks as alarms
from pages.alarms.layout import layout as alarms_layout
from pages.audit.callbacks import register_callbacks as audit
from pages.audit.decision_callbacks import register_decision_callbacks as decisions
from pages.audit.decision_layout import decision_layout
from pages.audit.layout import (
    compare_layout,
    decisions_layout,
    event_layout,
    events_layout,
)
from pages.context import PageContext
from pages.deliveries.callbacks import SUBSCRIPTIONS
from pages.deliveries.layout import subscription_form
from pages.feeds.callbacks import FEEDS
from pages.feeds.layout import feed_form
from pages.fleet.callbacks import register_callbacks as fleet
from pages.fleet.layout import layout as fleet_layout
from pages.forecast.callbacks import register_callbacks as forecast
from pages.forecast.layout import layout as forecast_layout
from pages.forecast_quality.callbacks import register_callbacks as quality
from pages.forecast_quality.layout import layout as quality_layout
from pages.glossary.layout import layout as words_layout
from pages.glossary.layout import register_callbacks as words
from pages.health.callbacks import register_callbacks as health
from pages.health.layout import health_layout, jobs_layout
from pages.integrations import integrations_layout, register_integrations
from pages.palette import register_palette
from pages.plan.callbacks import register_callbacks as plan
from pages.plan.layout import layout as plan_layout
from pages.region.callbacks import register_callbacks as region
from pages.region.layout import layout as region_layout
from pages.serving import NavGroup, add_page
from pages.shell import install_shell
from pages.trade_offs.callbacks import register_callbacks as trade_offs
from pages.trade_offs.layout import layout as trade_offs_layout
from pages.what_if.callbacks import register_callbacks as what_if
from pages.what_if.layout import layout as what_if_layout


def register_pages(app: Dash, context: PageContext) -> None:
    """Register every page with its callbacks, and put them into the frame.

    The gate and the navigation bar read what a page declares here; the bar lists pages
    with a `link`, in this order.
    """

    def may(permission: Permission) -> bool:
        return context.current_actor().may(permission)

    everybody, auditors = Permission.VIEW_FLEET, Permission.VIEW_AUDIT_EVENTS
    admins = Permission.MANAGE_MODELS
    add_page(
        "fleet",
        addresses.FLEET,
        everybody,
        lambda: fleet_layout(may_set_up=may(admins)),
        link="Overview",
        group=NavGroup.DECIDE,
    )
    add_page(
        "alarms",
        addresses.ALARMS,
        everybody,
        lambda: alarms_layout(
            may_handle=may(Permission.HANDLE_ALARMS),
            may_disable=may(Permission.DISABLE_ALARMS),
        ),
        link="Alarms",
        group=NavGroup.DECIDE,
    )
    add_page(
        "forecast",
        addresses.FORECAST,
        everybody,
        forecast_layout,
        link="Forecast",
        group=NavGroup.DECIDE,
    )
    add_page(
        "what_if",
        addresses.WHAT_IF,
        everybody,
        lambda: what_if_layout(may_decide=may(Permission.DECIDE)),
        link="What-if",
        group=NavGroup.DECIDE,
    )
    add_page(
        "plan",
        addresses.PLAN,
        everybody,
        lambda: plan_layout(may_decide=may(Permission.DECIDE)),
        link="Plan",
        group=NavGroup.DECIDE,
    )
    add_page(
        "trade_offs",
        addresses.TRADE_OFFS,
        everybody,
        trade_offs_layout,
        link="Trade-offs",
        group=NavGroup.LEARN,
    )
    add_page(
        "audit",
        addresses.AUDIT,
        everybody,
        lambda: decisions_layout(
            may_see_events=may(auditors), may_decide=may(Permission.DECIDE)
        ),
        link="Audit",
        group=NavGroup.LEARN,
    )
    add_page(
        "region",
        f"{addresses.REGION}<region_slug>",
        everybody,
        lambda: region_layout(may_set_up=may(admins)),
        title="Region",
    )
    add_page(
        "decision",
        f"{addresses.DECISIONS}<decision_id>",
        everybody,
        lambda: decision_layout(
            may_decide=may(Permission.DECIDE), may_replay=may(auditors)
        ),
        title="Decision",
    )
    add_page(
        "audit_compare",
        addresses.AUDIT_COMPARE,
        everybody,
        compare_layout,
        title="Two decisions",
    )
    add_page(
        "audit_events",
        addresses.AUDIT_EVENTS,
        auditors,
        events_layout,
        title="Audit events",
    )
    add_page(
        "audit_event",
        f"{addresses.AUDIT_EVENT}<event_seq>",
        auditors,
        event_layout,
        title="Audit event",
    )
    add_page(
        "admin_regions",
        addresses.ADMIN_REGIONS,
        Permission.MANAGE_REGIONS,
        regions_layout,
        link="Regions",
        group=NavGroup.RUN,
    )
    add_page(
        "admin_telemetry",
        addresses.ADMIN_TELEMETRY,
        Permission.MANAGE_TELEMETRY,
        telemetry_layout,
        link="Telemetry",
        group=NavGroup.RUN,
    )
    add_page(
        "admin_feeds",
        addresses.ADMIN_FEEDS,
        Permission.MANAGE_TELEMETRY,
        lambda: integrations_layout(FEEDS, feed_form(), may_manage=True),
        link="Feeds",
        group=NavGroup.RUN,
    )
    add_page(
        "admin_deliveries",
        addresses.ADMIN_DELIVERIES,
        auditors,
        lambda: integrations_layout(
            SUBSCRIPTIONS,
            subscription_form(),
            may_manage=may(Permission.MANAGE_DELIVERIES),
        ),
        link="Deliveries",
    )
    add_page(
        "admin_models",
        addresses.ADMIN_MODELS,
        admins,
        models_layout,
        link="Models",
        group=NavGroup.RUN,
    )
    add_page(
        "admin_model",
        f"{addresses.MODELS}<version_id>",
        admins,
        version_layout,
        title="Model",
    )
    add_page(
        "forecast_quality",
        addresses.FORECAST_QUALITY,
        everybody,
        quality_layout,
        title="Forecast quality",
        link="Quality",
        group=NavGroup.LEARN,
    )
    add_page(
        "admin_users",
        addresses.ADMIN_USERS,
        Permission.MANAGE_USERS,
        users_layout,
        link="Users",
        group=NavGroup.RUN,
    )
    add_page(
        "admin_health",
        addresses.ADMIN_HEALTH,
        Permission.RUN_CYCLE,
        health_layout,
        link="Health",
    )
    add_page(
        "admin_jobs",
        addresses.ADMIN_JOBS,
        Permission.RUN_CYCLE,
        jobs_layout,
        title="Jobs",
    )
    add_page("words", addresses.WORDS, everybody, words_layout, title="Words")
    for register in (
        words,
        fleet,
        region,
        forecast,
        what_if,
        plan,
        trade_offs,
        alarms,
        register_bar,
        audit,
        decisions,
        regions,
        telemetry,
        models,
        model_actions,
        quality,
        users,
        health,
    ):
        register(app, context)
    for integrations in (FEEDS, SUBSCRIPTIONS):
        register_integrations(app, context, integrations)
    register_palette(app, context)
    install_shell(app, context)
