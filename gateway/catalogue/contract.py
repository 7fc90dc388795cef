"""The contract as documents: OpenAPI 3.1 of the HTTP calls, AsyncAPI 3.0 of who sends what to whom.

Made from schemas/calls.yaml, the catalogue and the schemas; nothing in them is written by hand. Source: protocol
section 5; OpenAPI Specification 3.1.0, AsyncAPI Specification 3.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import yaml

from gateway.catalogue.catalogue import Catalogue
from gateway.catalogue.places import SCHEMAS
from gateway.core.errors import Problem
from gateway.core.type_row import TypeRow

Document = dict[str, Any]

_CALLS: Final = SCHEMAS / "calls.yaml"
_DISTRIBUTION: Final = "wage-guarantee-gateway"
_LOCAL: Final = "#/$defs/"
_SHARED: Final = "#/components/schemas/"
_JSON: Final = "application/json"
_EVENT: Final = "application/cloudevents+json"
_TITLE: Final = "农民工工资保证金网关"
_SIGNED: Final = "签名：GZBZJ1-SM2-WITH-SM3，见协议第 3 节；经核验的调用，答复亦有签名（第 4 节）。"
_ENVELOPE: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject", "recipient", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string"},
        "source": {"type": "string"},
        "type": {"type": "string"},
        "subject": {"type": "string"},
        "recipient": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": _JSON},
        "correlationid": {"type": "string"},
        "data": {"type": "object"},
    },
}


def read_calls() -> Document:
    """The file of calls: `shapes` and `calls`."""
    found: Document = yaml.safe_load(_CALLS.read_text(encoding="utf-8"))
    return found


@cache
def _version() -> str:
    return version(_DISTRIBUTION)


def describe_types(catalogue: Catalogue) -> Document:
    """The message types with their Chinese titles, as `GET /v1/schemas` tells them."""
    return {"schemas": [{"type": row.type, "title": row.title} for row in catalogue.types.values()]}


def find_schema(catalogue: Catalogue, type_: str) -> Document:
    """One type's JSON Schema; an unknown type is NOT_FOUND, for the path of its call names nothing."""
    if type_ not in catalogue.types:
        raise Problem("NOT_FOUND", "没有这个报文类型，请核对类型及其版本号；可用 GET /v1/schemas 查看全部类型。")
    return catalogue.schema(type_)


def describe_openapi(catalogue: Catalogue) -> Document:
    """The OpenAPI document."""
    calls = read_calls()
    paths: dict[str, Document] = {}
    for key, call in calls["calls"].items():
        method, _, path = key.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(key, call)
    scheme = {"type": "apiKey", "in": "header", "name": "Authorization", "description": _SIGNED}
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": _version(), "description": _SIGNED},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": _schemas(calls, catalogue), "securitySchemes": {"gzbzj": scheme}},
    }


def describe_asyncapi(catalogue: Catalogue) -> Document:
    """The AsyncAPI document, as the gateway sees it: it receives what parties send, and sends on what it received."""
    messages = {name: _message(row) for name, row in catalogue.types.items()}
    received = [name for name, row in catalogue.types.items() if row.sources - {"gateway"}]
    sent = [name for name, row in catalogue.types.items() if row.recipients - {"gateway"}]
    channels = {
        "inbox": _channel("/v1/messages", "各方向网关发送", received),
        "push": _channel("{endpoint}", "网关向登记的接收地址推送原文", sent) | {"parameters": {"endpoint": _ENDPOINT}},
        "mailbox": _channel("/v1/mailbox", "收件方来取", sent),
    }
    operations = {
        "receive": _async_operation("receive", "inbox", "受理各方报文"),
        "push": _async_operation("send", "push", "推送"),
        "hold": _async_operation("send", "mailbox", "供收件方来取"),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": _TITLE, "version": _version(), "description": _SIGNED},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": _types(catalogue)},
    }


_ENDPOINT: Final = {"description": "机构登记的接收地址"}


def _operation(key: str, call: Document) -> Document:
    operation: Document = {
        "operationId": re.sub(r"[^A-Za-z0-9]+", "_", key).strip("_"),
        "summary": call["title"],
        "parameters": [*_path_parameters(key), *(_query_parameter(row) for row in call.get("query", ()))],
        "responses": {status: _answer(answer) for status, answer in call["answers"].items()} | {"default": _PROBLEM},
    }
    if not call.get("open"):
        operation["security"] = [{"gzbzj": []}]
    if "body" in call:
        operation["requestBody"] = _body(call["body"], call.get("media"))
    return operation


def _path_parameters(key: str) -> list[Document]:
    names = re.findall(r"\{(\w+)\}", key)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameter(row: Document) -> Document:
    return {"name": row["name"], "in": "query", "description": row["text"], "schema": row["schema"]}


def _answer(answer: Document) -> Document:
    media = answer.get("media", _JSON)
    schema = {"$ref": _SHARED + answer["schema"]} if "schema" in answer else {}
    further: Document = {answer["also"]: {"schema": {}}} if "also" in answer else {}
    return {"description": answer["text"], "content": {media: {"schema": schema}, **further}}


_PROBLEM: Final = {
    "description": "出错：code 见协议第 7 节，message 说明该怎么办",
    "content": {_JSON: {"schema": {"$ref": f"{_SHARED}problem"}}},
}


def _body(named: str, media: list[str] | None) -> Document:
    kinds = media or [{"message": _EVENT, "bytes": "application/octet-stream"}.get(named, _JSON)]
    schema = {} if named == "bytes" else {"$ref": _SHARED + named}
    return {"required": named != "material", "content": {kind: {"schema": schema} for kind in kinds}}


def _schemas(calls: Document, catalogue: Catalogue) -> Document:
    """The shapes of the calls, the message as one of its types, each type's payload, and what they share."""
    refs = [{"$ref": f"{_SHARED}message.{name}"} for name in catalogue.types]
    mapping = {name: f"{_SHARED}message.{name}" for name in catalogue.types}
    message = {"oneOf": refs, "discriminator": {"propertyName": "type", "mapping": mapping}}
    events = {f"message.{name}": _event(name) for name in catalogue.types}
    return {**calls["shapes"], "message": message, "envelope": dict(_ENVELOPE), **events, **_types(catalogue)}


def _event(name: str) -> Document:
    members = {"type": {"const": name}, "data": {"$ref": _SHARED + name}}
    return {"allOf": [{"$ref": f"{_SHARED}envelope"}, {"type": "object", "properties": members}]}


def _types(catalogue: Catalogue) -> Document:
    """Payloads by type; their shared definitions stand beside them, each once."""
    shared = {f"def.{key}": part for schema in catalogue.schemas.values() for key, part in schema["$defs"].items()}
    payloads = {name: _without(schema) for name, schema in catalogue.schemas.items()}
    return {name: _point(schema) for name, schema in {**payloads, **shared}.items()}


def _without(schema: Mapping[str, Any]) -> Document:
    return {key: value for key, value in schema.items() if key not in {"$schema", "$id", "$defs"}}


def _point(node: Any) -> Any:
    """References into a schema's own definitions become references into the document's."""
    if isinstance(node, dict):
        return {key: _target(value) if key == "$ref" else _point(value) for key, value in node.items()}
    return [_point(item) for item in node] if isinstance(node, list) else node


def _target(reference: str) -> str:
    return reference.replace(_LOCAL, f"{_SHARED}def.")


def _message(row: TypeRow) -> Document:
    parties = f"发送方 {'、'.join(sorted(row.sources))}；接收方 {'、'.join(sorted(row.recipients))}"
    return {
        "name": row.type,
        "title": row.title,
        "summary": f"{parties}；依据 {row.basis}",
        "contentType": _EVENT,
        "payload": {
            **_ENVELOPE,
            "properties": {
                **_ENVELOPE["properties"],
                "type": {"const": row.type},
                "data": {"$ref": _SHARED + row.type},
            },
        },
    }


def _channel(address: str, text: str, names: list[str]) -> Document:
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
    return {"address": address, "description": text, "messages": messages}


def _async_operation(action: str, channel: str, text: str) -> Document:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": text}
