"""The Models pages follow their address, and ask again while something is under way."""

from __future__ import annotations

from dash import Dash, Input, Output

from core.access import Permission
from orchestrator.registry.models_page import model_detail, models_page
from orchestrator.registry.views import ModelDetail
from pages.addresses import Query, version_id_of
from pages.admin_models.content import (
    history_table,
    serving_table,
    uploads_table,
    versions_table,
)
from pages.admin_models.evaluation import version_content, version_head
from pages.admin_models.signing_keys import register_keys
from pages.context import PageContext
from pages.second_person import register_approvals
from pages.serving import follow_in_browser, serve
from pages.times import chosen_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register what fills the pages."""
    _register_list(app, context)
    _register_version(app, context)
    register_approvals(app, context, "models")
    register_keys(app, context)
    follow_in_browser(app, "gfo_file_forms", "prepare", Input("models-url", "pathname"))


def _register_list(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("models-serving", "children"),
            Output("models-uploads", "children"),
            Output("models-versions", "children"),
            Output("models-history", "children"),
            Output("models-refresh", "disabled"),
            Output("models-rollback-confirm", "hidden"),
        ],
        inputs=[
            Input("models-url", "search"),
            Input("models-changed", "data"),
            Input("models-refresh", "n_intervals"),
        ],
        permission=Permission.MANAGE_MODELS,
        at_load=False,
    )
    def show_models(*_reasons: object) -> tuple[object, ...]:
        with context.request() as request:
            page = models_page(request)
        times = chosen_times()
        return (
            serving_table(page, times),
            uploads_table(page, times),
            versions_table(page, times),
            history_table(page.history, times),
            not page.is_busy,
            not any(row.former_version_id for row in page.serving),
        )


def _register_version(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("model-detail", "children"),
            Output("model-head", "children"),
            Output("model-next-step", "children"),
            Output("model-activate", "disabled"),
            Output("model-override", "disabled"),
            Output("model-evaluate", "disabled"),
            Output("model-sign", "disabled"),
            Output("model-download", "action"),
            Output("model-seen", "data"),
            Output("model-refresh", "disabled"),
        ],
        inputs=[
            Input("model-url", "pathname"),
            Input("model-url", "search"),
            Input("model-changed", "data"),
            Input("model-refresh", "n_intervals"),
        ],
        permission=Permission.MANAGE_MODELS,
        at_load=False,
    )
    def show_version(
        pathname: str | None, search: str | None, *_reasons: object
    ) -> tuple[object, ...]:
        version_id = version_id_of(pathname)
        with context.request() as request:
            detail = model_detail(
                request, version_id, region_slug=Query.parse(search).text("region")
            )
        is_running = _is_running(detail)
        return (
            version_content(detail, chosen_times()),
            version_head(detail),
            next_step(detail),
            not may_activate(detail),
            detail.state != "rejected",
            False,
            False,
            f"/_models/{version_id}/onnx",
            {"version": version_id, "active": detail.seen_active_id},
            not is_running,
        )


def may_activate(detail: ModelDetail) -> bool:
    """Whether the version can be activated."""
    return detail.state == "validated" and not detail.is_active


def next_step(detail: ModelDetail) -> str:
    """What an admin can do now, in a sentence."""
    if detail.is_active:
        return "It serves. To go back, use the list of models."
    if _is_running(detail):
        return "It is being evaluated; you can leave this page."
    if detail.state == "validated":
        replaced = detail.active_label or "no other model"
        return f"Activate it to replace {replaced} from the next forecast on."
    if detail.state == "rejected":
        return "Its gate refused it. Read why below before you override it."
    return "Evaluate it: only a model that was judged may serve."


def _is_running(detail: ModelDetail) -> bool:
    return detail.evaluation is not None and (
        detail.evaluation.progress.state == "running"
    )
