"""REST: resources, apply, history, watch."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from weft.controller.intent import Answer, Order
from weft.controller.rest_json import (
    ApiError,
    Body,
    body_of,
    matching,
    names_of,
    number,
    problem_json,
    record_json,
    ref_of,
)
from weft.resources.problem import did_you_mean
from weft.resources.ref import Origin, Ref
from weft.store.model import Change

if TYPE_CHECKING:
    from weft.controller.controller import Controller

# A mesh of 10,000 services with routes and policies, twice over.
MAX_DOCUMENTS = 50_000
# Names listed of one revision: beyond a screenful the number says more.
MAX_LISTED = 100


class OriginBody(Body):
    file: str
    line: int = 0
    column: int = 0
    rules: tuple[int, ...] = ()


class ApplyBody(Body):
    documents: list[dict[str, Any]] = Field(max_length=MAX_DOCUMENTS)
    owner: str | None = Field(default=None, min_length=1, max_length=200)
    prune: bool = False
    dry_run: bool = False
    partial: bool = False
    expect: dict[str, int] = Field(default_factory=dict)


class RollbackBody(Body):
    revision: int = Field(ge=0)
    dry_run: bool = False


class Resources:
    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    async def list(self, request: Request) -> Response:
        if request.query_params.get("at"):
            return await self._list_past(request)
        fields = ("kind", "namespace", "name", "owner")
        found = [
            record_json(record)
            for ref, record in sorted(self._controller.intent.records.items())
            if matching(request, fields, {**names_of(ref), "owner": record.owner})
        ]
        return JSONResponse({"revision": self._controller.store.revision, "resources": found})

    async def get(self, request: Request) -> Response:
        ref = ref_of(request)
        record = self._controller.intent.records.get(ref)
        if record is None:
            raise self._absent(ref)
        return JSONResponse(record_json(record))

    async def history(self, request: Request) -> Response:
        ref = ref_of(request)
        lines = await self._controller.store.history(ref)
        if not lines:
            raise self._absent(ref)
        return JSONResponse({"history": [{**_change(line), "at": line.at, "owner": line.owner} for line in lines]})

    async def apply(self, request: Request) -> Response:
        body = await body_of(request, ApplyBody)
        if body.prune and not body.owner:
            raise ApiError(400, "prune needs an owner", "say whose resources these are: --owner NAME")
        try:
            expect = {Ref.parse(text): revision for text, revision in body.expect.items()}
        except ValueError as error:
            raise ApiError(400, str(error), 'write it like "HTTPRoute/default/reviews"') from error
        documents = [_document(document) for document in body.documents]
        order = Order(documents, body.owner, body.prune, body.dry_run, body.partial, expect)
        return _answer(await self._controller.intent.apply(order))

    async def delete(self, request: Request) -> Response:
        ref = ref_of(request)
        expect = int(number(request, "expect", -1, -1, 2**53))
        if ref not in self._controller.intent.records:
            raise self._absent(ref)
        return _answer(await self._controller.intent.delete(ref, None if expect < 0 else expect))

    async def revisions(self, request: Request) -> Response:
        limit = int(number(request, "limit", 100, 1, 1000))
        found = await self._controller.store.revisions(limit)
        return JSONResponse({"revisions": [_revision(changes) for changes in found]})

    async def roll_back(self, request: Request) -> Response:
        body = await body_of(request, RollbackBody)
        return _answer(await self._controller.intent.roll_back(body.revision, dry_run=body.dry_run))

    async def watch(self, request: Request) -> Response:
        after = int(number(request, "after", self._controller.store.revision, 0, 2**53))
        # Asked once before the answer begins, so that "no longer kept" is an error and not a broken stream.
        await self._controller.store.changes(after)
        return StreamingResponse(self._changes(after), media_type="application/x-ndjson")

    async def _changes(self, after: int) -> AsyncIterator[str]:
        async for change in self._controller.until_stopped(self._controller.store.watch(after)):
            yield json.dumps(_change(change)) + "\n"

    async def _list_past(self, request: Request) -> Response:
        revision = int(number(request, "at", 0, 0, 2**53))
        past = await self._controller.store.at(revision)
        fields = ("kind", "namespace", "name", "owner")
        found = [
            {
                "ref": str(ref),
                "revision": change.revision,
                "generation": change.generation,
                "created_at": change.created_at,
                "updated_at": change.at,
                "owner": change.owner,
                "origin": None,
                "document": change.document,
            }
            for ref, change in sorted(past.items())
            if matching(request, fields, {**names_of(ref), "owner": change.owner})
        ]
        return JSONResponse({"revision": revision, "resources": found})

    def _absent(self, ref: Ref) -> ApiError:
        known = [str(other) for other in self._controller.intent.records if other.kind == ref.kind]
        return ApiError(404, f"there is no {ref}", did_you_mean(str(ref), known) or None)


def _document(document: dict[str, Any]) -> tuple[dict[str, Any], Origin | None]:
    given = document.get("origin")
    if given is None:
        return document, None
    try:
        place = OriginBody.model_validate(given)
    except ValueError as error:
        raise ApiError(400, "an origin is wrong", '{"file": "shop.yaml", "line": 3, "column": 1}') from error
    rest = {name: value for name, value in document.items() if name != "origin"}
    return rest, Origin(place.file, place.line, place.column, place.rules)


def _change(change: Change) -> dict[str, Any]:
    return {
        "revision": change.revision,
        "ref": str(change.ref),
        "action": change.action,
        "generation": change.generation,
        "document": change.document,
    }


def _revision(changes: Sequence[Change]) -> dict[str, Any]:
    listed = [{"ref": str(each.ref), "action": each.action, "owner": each.owner} for each in changes[:MAX_LISTED]]
    return {"revision": changes[0].revision, "at": changes[0].at, "changes": listed, "count": len(changes)}


def _answer(answer: Answer) -> Response:
    results = [
        {
            "ref": outcome.ref,
            "action": outcome.action,
            "revision": outcome.revision,
            "problems": [problem_json(problem) for problem in outcome.problems],
        }
        for outcome in answer.outcomes
    ]
    content = {"revision": answer.revision, "dry_run": answer.dry_run, "results": results}
    if not answer.stopped:
        return JSONResponse(content)
    count = sum(outcome.action == "rejected" for outcome in answer.outcomes)
    error = f"{count} of {len(results)} resources rejected, nothing was changed"
    hint = "read them again and repeat your change" if answer.conflict else "correct them and apply again"
    return ApiError(409 if answer.conflict else 422, error, hint, content).response()
