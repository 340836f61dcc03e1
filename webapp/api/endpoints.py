"""How an endpoint of the API is declared: a function, what it needs, and no more.

Its first parameter is what it asks use cases with. Parameters that its address names
come from there; the others are the query of a GET, or the body of what changes
something. The fields of a parameter that is a dataclass stand beside the others. The
annotations are the schema of the request, and that of the result the schema of the
answer. One with a parameter `content` takes a file instead of a body.
"""

from __future__ import annotations

import inspect
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, BinaryIO, Union, get_args, get_origin, get_type_hints
from uuid import UUID, uuid5

import flask
from flask import Response
from flask.typing import ResponseReturnValue
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.schema import Schema
from flask_openapi3.models.tag import Tag
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)

from core.access import SCOPES, Permission, Scope
from core.errors import NeedsSecondPerson
from orchestrator.approvals.requests import ApprovalView, ask_second_person
from orchestrator.freshness import KeptAnswers
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Request
from webapp.callbacks import is_storable
from webapp.permissions import ROUTES, Route
from webapp.problems import PROBLEM_TYPE, ApiProblem, invalid_request
from webapp.request_context import exchange
from webapp.token_login import token_actor

URL_PREFIX = "/api/v1"
BLUEPRINT = "api"
SECURITY = "token"

EndpointFunction = Callable[..., Any]
"""Takes a `Request` and parameters; returns a view."""

_REFERENCE = "#/components/schemas/{model}"
_SPOOLED_BYTES = 1024 * 1024
_JSON = "application/json"
_BINARY = {"type": "string", "format": "binary"}
_ETAG = {
    "ETag": {
        "description": "Names this state; send it as If-Match to overwrite it.",
        "schema": {"type": "string"},
    }
}
_UNCHANGED = {"description": "It is as If-None-Match says.", "headers": _ETAG}
_PROBLEMS: Mapping[int, str] = {
    400: "The use case refuses the values.",
    401: "No live token.",
    403: "Role or scopes do not allow it, or a second person has to approve it.",
    404: "There is no such thing.",
    409: "Something else happened meanwhile.",
    411: "The body has no length.",
    412: "It is no longer as If-Match says.",
    413: "The body is too large.",
    422: "The request has another shape, or its Idempotency-Key was used before.",
    428: "If-Match is missing.",
    429: "Too many requests; wait as Retry-After says.",
    503: "The database does not answer; try again.",
}
_OF_CHANGES = frozenset({409})
_OF_GUARDED = frozenset({412, 428})


def _storable(text: str) -> str:
    if not is_storable(text):
        message = "cannot be stored"
        raise ValueError(message)
    return text


def _no_number(value: object) -> object:
    """Refuse seconds since 1970, which pydantic takes for an instant."""
    if not isinstance(value, str) or re.fullmatch(r"[\d.+-]*", value):
        message = "must be an instant like 2025-07-20T18:00:00Z"
        raise ValueError(message)
    return value


def _of_the_calendar(instant: datetime) -> datetime:
    """In UTC, so far from the ends of the calendar that hours can be added to it."""
    try:
        in_utc = instant.astimezone(UTC)
    except OverflowError:
        in_utc = None
    if in_utc is None or not MINYEAR < in_utc.year < MAXYEAR:
        message = "lies at the end of the calendar"
        raise ValueError(message)
    return in_utc


_STORABLE = AfterValidator(_storable)
Text = Annotated[str, Field(max_length=2_000), _STORABLE]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,32}$")]
PageSize = Annotated[int, Field(ge=1, le=200)]
"""Rows of a page."""
# Not strict: a validator before it hands it the text, also of a JSON body.
Instant = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_no_number),
    AfterValidator(_of_the_calendar),
]
_BOUNDED: Mapping[Any, Any] = {
    str: Text,
    int: Annotated[int, Field(ge=0, le=2**31 - 1)],
    float: Annotated[float, Field(ge=-1e9, le=1e9)],
    datetime: Instant,
}
"""What plain annotations of a request mean: no value that no column could hold."""


class Sent(BaseModel):
    """What a request names; what it should not name is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Changing(BaseModel):
    """Headers of what changes something."""

    idempotency_key: UUID = Field(
        alias="Idempotency-Key",
        description="A UUID of your own. The same request with it is carried out once;"
        " another body under it is refused.",
    )


class Guarded(Changing):
    """Headers of what overwrites something."""

    if_match: str | None = Field(
        None,
        alias="If-Match",
        description="The ETag of what is overwritten, as GET gave it. Without it the"
        " answer is 428.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """What is said of an endpoint; see `Api._endpoint`."""

    method: str
    needs: Permission
    takes: str | None
    gives: str | None
    tagged: Callable[[Any], str] | None
    two_people: bool
    is_kept: bool


class Api:
    """The blueprint of the API, and the runtime that its endpoints need."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.blueprint = APIBlueprint(BLUEPRINT, __name__, url_prefix=URL_PREFIX)
        self.get = partial(self._endpoint, "GET")
        self.post = partial(self._endpoint, "POST")
        self.put = partial(self._endpoint, "PUT")
        self.patch = partial(self._endpoint, "PATCH")
        self._kept = KeptAnswers(str, decode=bytes.decode)
        self._schemas: dict[Any, dict[str, Any]] = {}

    def _endpoint(
        self,
        method: str,
        rule: str,
        needs: Permission,
        *,
        takes: str | None = None,
        gives: str | None = None,
        tagged: Callable[[Any], str] | None = None,
        two_people: bool = False,
        is_kept: bool = False,
        most_bytes: int | None = None,
    ) -> Callable[[EndpointFunction], EndpointFunction]:
        """Declare an endpoint.

        Parameters
        ----------
        needs : Permission
            What role and scopes must both grant; the use cases check their own too.
        takes, gives : str, optional
            The media type of a file that it takes as `content`, or returns as bytes.
        tagged : callable, optional
            The ETag of its answer. What changes something then needs If-Match, which
            the endpoint checks (`require_match`).
        two_people : bool
            Whether the rules for changes may want a second person: then it is asked for
            by a token with that scope, and answered with the request (202).
        is_kept : bool
            Whether an answer is given again while nothing changes (`KeptAnswers`): for
            what pages keep too, which depends on the caller by role and scopes alone.
        """

        declared = _Declared(
            method=method,
            needs=needs,
            takes=takes,
            gives=gives,
            tagged=tagged,
            two_people=two_people,
            is_kept=is_kept,
        )

        def add(function: EndpointFunction) -> EndpointFunction:
            shape = _Shape(function, rule, method, is_guarded=bool(tagged))
            view = self._view(function, declared, shape)
            register = getattr(self.blueprint, method.lower())
            register(rule, **self._described(function, declared, shape))(view)
            ROUTES[f"{BLUEPRINT}.{function.__name__}"] = Route(
                access=needs, most_bytes=most_bytes
            )
            return function

        return add

    def _view(
        self,
        function: EndpointFunction,
        declared: _Declared,
        shape: _Shape,
    ) -> Callable[..., ResponseReturnValue]:
        """What Flask calls: parse, ask in one transaction, write the answer."""
        adapter = None if declared.gives else _adapter(shape.answer)

        def answer(asked: Request, values: dict[str, Any]) -> tuple[Any, str | None]:
            found = function(asked, **values)
            body = found if adapter is None else adapter.dump_json(found)
            return body, declared.tagged(found) if declared.tagged else None

        def kept(asked: Request, values: dict[str, Any]) -> tuple[Any, str | None]:
            question = (function, asked.actor.scopes, *values.values())
            body = self._kept.get(
                asked, question, lambda again: answer(again, values)[0].decode()
            )
            return body, None

        answer_of = kept if declared.is_kept else answer

        def view(**in_path: str) -> ResponseReturnValue:
            try:
                values, key = shape.read(in_path)
            except ValidationError as exc:
                return invalid_request(exc)
            try:
                with exchange(
                    self.runtime, token_actor(), sent=key, is_confirmed=True
                ) as asked:
                    if declared.takes is not None:
                        values["content"] = _received()
                    body, tag = answer_of(asked, values)
            except NeedsSecondPerson as exc:
                if key is None or not declared.two_people:
                    raise
                return self._ask_second_person(exc, key)
            response = Response(body, mimetype=declared.gives or _JSON)
            if tag is None:
                return response
            response.set_etag(tag)
            return response.make_conditional(flask.request)

        view.__name__ = function.__name__
        view.__annotations__ = shape.models
        # The library would make the schema of each model again in every request.
        view.__delay_validate_request__ = True  # type: ignore[attr-defined]
        return view

    def _ask_second_person(self, needed: NeedsSecondPerson, key: UUID) -> Response:
        """Store the change for a second person, if the token may ask one.

        Raises
        ------
        NeedsSecondPerson
            Where it may not: the caller's own refusal says less.
        """
        actor = token_actor()
        if not actor.may(Permission.APPROVE_CHANGES):
            raise needed
        # Another change than the one that has the caller's key.
        sent = uuid5(key, "second person")
        with exchange(self.runtime, actor, sent=sent, is_confirmed=True) as asked:
            waiting = ask_second_person(
                asked, needed.act, needed.arguments, needed.effects
            )
        body = _adapter(ApprovalView).dump_json(waiting)
        return Response(body, 202, mimetype=_JSON)

    def _described(
        self,
        function: EndpointFunction,
        declared: _Declared,
        shape: _Shape,
    ) -> dict[str, Any]:
        """What the document says of an endpoint, beside the models of its request."""
        summary, _, more = (inspect.getdoc(function) or "").partition("\n")
        needs, takes, is_tagged = declared.needs, declared.takes, bool(declared.tagged)
        is_read = declared.method == "GET"
        answer = {
            "description": "Done.",
            "content": {
                declared.gives or _JSON: {
                    "schema": _BINARY if declared.gives else self._schema(shape.answer)
                }
            },
            "headers": _ETAG if is_tagged else {},
        }
        waiting = {
            "description": "Nothing changed: it waits for a second person.",
            "content": {_JSON: {"schema": self._schema(ApprovalView)}},
        }
        problems = self._problems(declared.method, is_guarded=is_tagged)
        return {
            "operation_id": function.__name__,
            "summary": summary,
            "description": more.strip() or summary,
            "tags": [Tag(name=function.__module__.rsplit(".", 1)[-1])],
            "security": [{SECURITY: []}],
            "responses": {
                "200": answer,
                **({"202": waiting} if declared.two_people else {}),
                **({"304": _UNCHANGED} if is_tagged and is_read else {}),
                **problems,
            },
            "openapi_extensions": {
                "x-permission": needs.value,
                "x-scopes": [scope for scope in Scope if needs in SCOPES[scope]],
                **({"requestBody": _file(takes)} if takes else {}),
            },
        }

    def _problems(self, method: str, *, is_guarded: bool) -> dict[str, object]:
        schema = self._schema(ApiProblem)
        left_out = (frozenset() if method != "GET" else _OF_CHANGES) | (
            frozenset() if is_guarded and method != "GET" else _OF_GUARDED
        )
        return {
            str(status): {
                "description": words,
                "content": {PROBLEM_TYPE: {"schema": schema}},
            }
            for status, words in _PROBLEMS.items()
            if status not in left_out
        }

    def _schema(self, hint: Any) -> dict[str, Any]:  # noqa: ANN401 -- an annotation
        """The schema of an answer; what it is made of goes to the components.

        Raises
        ------
        TypeError
            When two types of one name differ.
        """
        if hint not in self._schemas:
            self._schemas[hint], parts = _made_schema(hint)
            known = self.blueprint.components_schemas
            for name, part in parts.items():
                if known.setdefault(name, part) != part:
                    message = f"Two different schemas are called {name}."
                    raise TypeError(message)
        return self._schemas[hint]


# Made once in a process: what they are made of takes longer than an endpoint itself.
@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:  # noqa: ANN401 -- an annotation
    return TypeAdapter(hint)


@cache
def _made_schema(hint: Any) -> tuple[dict[str, Any], dict[str, Schema]]:  # noqa: ANN401 -- an annotation
    """The schema of an answer, and the components that it names."""
    schema = _adapter(hint).json_schema(mode="serialization", ref_template=_REFERENCE)
    parts = schema.pop("$defs", {})
    if schema.get("type") == "object" and "title" in schema:
        parts[schema["title"]] = schema
        schema = {"$ref": _REFERENCE.format(model=schema["title"])}
    return schema, {name: Schema(**part) for name, part in parts.items()}


class _Shape:
    """What a function takes and returns, as models of path, query, body, headers."""

    def __init__(
        self, function: EndpointFunction, rule: str, method: str, *, is_guarded: bool
    ) -> None:
        hints = get_type_hints(function, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self.answer = hints["return"]
        self._names = [item.name for item in parameters if item.name != "content"]
        self._spread = {n: hints[n] for n in self._names if is_dataclass(hints[n])}
        takes_file = any(item.name == "content" for item in parameters)
        place = "query" if method == "GET" or takes_file else "body"
        in_path = set(re.findall(r"<(\w+)>", rule))
        found: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": {}}
        for item in parameters:
            if item.name in self._spread:
                for name, field in _fields(self._spread[item.name]).items():
                    found["path" if name in in_path else place][name] = field
            elif item.name != "content":
                default = ... if item.default is item.empty else item.default
                field = (_bounded(hints[item.name]), default)
                found["path" if item.name in in_path else place][item.name] = field
        self.models: dict[str, type[BaseModel]] = (
            {} if method == "GET" else {"header": Guarded if is_guarded else Changing}
        )
        for place, named in found.items():
            if named:
                name = f"{function.__name__}_{place}"
                self.models[place] = create_model(name, __base__=Sent, **named)

    def read(self, in_path: Mapping[str, str]) -> tuple[dict[str, Any], UUID | None]:
        """The arguments of the function and the caller's key, from what was sent.

        Raises
        ------
        ValidationError
            When the request has another shape.
        """
        sent: dict[str, Any] = {}
        for place, model in self.models.items():
            read = _read(model, place, in_path)
            sent |= {name: getattr(read, name) for name in model.model_fields}
        values = {
            name: self._spread[name](
                **{field.name: sent[field.name] for field in fields(self._spread[name])}
            )
            if name in self._spread
            else sent[name]
            for name in self._names
        }
        return values, sent.get("idempotency_key")


def _read(model: type[BaseModel], place: str, in_path: Mapping[str, str]) -> BaseModel:
    """One model of a request, from the place where its fields are sent."""
    if place == "header":
        return model.model_validate(dict(flask.request.headers))
    if place == "path":
        return model.model_validate_strings(in_path)
    if place == "query":
        # A name that comes twice stays a list, which no field takes.
        given = flask.request.args.lists()
        return model.model_validate_strings(
            {name: texts if len(texts) > 1 else texts[0] for name, texts in given}
        )
    # The bytes as they came: one parse, and no number that JSON has not.
    return model.model_validate_json(flask.request.get_data())


def _fields(spread: Any) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401 -- a class
    """The fields of a dataclass, as pydantic makes a model of them."""
    hints = get_type_hints(spread, include_extras=True)
    found = {}
    for field in fields(spread):
        default: Any = ... if field.default is MISSING else field.default
        if field.default_factory is not MISSING:
            default = Field(default_factory=field.default_factory)
        found[field.name] = (_bounded(hints[field.name]), default)
    return found


def _bounded(hint: Any) -> Any:  # noqa: ANN401 -- an annotation
    """An annotation whose plain types are bounded."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return Union[tuple(_bounded(part) for part in parts)]  # noqa: UP007 -- made here
    if origin is Annotated and parts[0] is str:
        return Annotated[(*parts, _STORABLE)]
    if origin in {list, dict, tuple}:
        return origin[tuple(_bounded(part) for part in parts)]
    return _BOUNDED.get(hint, hint)


def _received() -> BinaryIO:
    """The body as a file that can be read twice; large ones lie on disk."""
    spooled = tempfile.SpooledTemporaryFile(max_size=_SPOOLED_BYTES)  # noqa: SIM115 -- closed with the last reference
    shutil.copyfileobj(flask.request.stream, spooled)
    spooled.seek(0)
    return spooled  # type: ignore[return-value]  # reads like one


def _file(media_type: str) -> dict[str, object]:
    return {"required": True, "content": {media_type: {"schema": _BINARY}}}
