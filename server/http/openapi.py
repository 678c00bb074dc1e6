"""OpenAPI 3.1 of the REST routes, from the same models that check the requests."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib.metadata import version

from pydantic import BaseModel, Field

from server.http.failures import PROBLEM
from server.http.rest import KEY, has_body
from server.http.web.verify import VERIFY, Verification
from server.schema import Schema, components, input_schema
from tools.errors import CATALOGUE
from tools.get_attachment import DOWNLOAD
from tools.operation import AnyOperation

FAILURES = (400, 401, 403, 404, 409, 413, 429, 451, 500, 503)
"""What any operation may answer besides its result."""
_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": f"The same as `{KEY}` in the body.",
    "schema": {"type": "string", "maxLength": 255},
}
_REQUEST_ID = {"X-Request-Id": {"description": "Names this request in the server's log.", "schema": {"type": "string"}}}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait, with 429 and 503.", "schema": {"type": "integer"}}}


class Failure(BaseModel):
    """Why a request was refused."""

    error: str = Field(description="What happened, for a reader.")
    code: str = Field(description="What happened, for a program.", json_schema_extra={"enum": list(CATALOGUE)})
    fix: str = Field(description="What to do about it.")
    details: dict[str, object] = Field(description="Facts that belong to the code, such as the field.")
    docs: str = Field(description="Where the code is explained.")
    request_id: str = Field(description="Names this request in the server's log; X-Request-Id has it too.")


def document(operations: Sequence[AnyOperation], base_url: str) -> Schema:
    """The description of these operations at `base_url`."""
    references, schemas = components(
        [*dict.fromkeys(operation.result for operation in operations), Failure, Verification]
    )
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, references)
    paths[DOWNLOAD] = {"get": _download()}
    paths[VERIFY] = {"post": _verify(references[Verification])}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Gatepost",
            "version": version("gatepost"),
            "description": "Mailboxes for AI agents, with a person's gate on what leaves.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base_url}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"Failure": _failure(references[Failure])},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(operation: AnyOperation, references: dict[type[BaseModel], Schema]) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.title,
        "description": f"{operation.summary} Scope of the key: {operation.keys}.",
        "parameters": _parameters(operation),
        "responses": _responses(operation.success, references[operation.result], FAILURES),
    }
    if has_body(operation):
        body = _body(operation)
        described["requestBody"] = {
            "required": bool(body["required"]),
            "content": {"application/json": {"schema": body}},
        }
    return described


def _verify(result: Schema) -> Schema:
    """The one that anybody may ask: a raw mail in, what its claim is worth out."""
    return {
        "operationId": "verify",
        "summary": "Verify a mail",
        "description": "Whether a mail is as this site sent it, by the identity claim it carries. No key is needed.",
        "security": [],
        "parameters": [],
        "requestBody": {
            "required": True,
            "description": "The raw mail, header and body (RFC 5322).",
            # bytes have no JSON schema
            "content": {"message/rfc822": {}},
        },
        "responses": _responses(200, result, (413, 429, 500, 503)),
    }


def _download() -> Schema:
    """The bytes of a file; everything about it is in `get_attachment`."""
    places = {
        "mailbox_id": "The mailbox.",
        "message_id": "The message.",
        "attachment": "The attachment's id, or its name.",
    }
    return {
        "operationId": "download_attachment",
        "summary": "Download an attachment",
        "description": "The file as it came, to be saved and not opened here. Scope of the key: read or admin.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "description": said, "schema": {"type": "string"}}
            for name, said in places.items()
        ],
        "responses": {
            "200": {"description": "OK", "headers": _REQUEST_ID, "content": {"application/octet-stream": {}}},
            **{str(status): {"$ref": "#/components/responses/Failure"} for status in (401, 403, 404, 429, 500, 503)},
        },
    }


def _responses(success: int, result: Schema, failures: Iterable[int]) -> Schema:
    return {
        str(success): {
            "description": HTTPStatus(success).phrase,
            "headers": _REQUEST_ID,
            "content": {"application/json": {"schema": result}},
        },
        **{str(status): {"$ref": "#/components/responses/Failure"} for status in failures},
    }


def _parameters(operation: AnyOperation) -> list[Schema]:
    schema = input_schema(operation.request)
    parameters = [_parameter("path", name, schema, required=True) for name in operation.path_fields]
    if not has_body(operation):
        rest = (name for name in schema["properties"] if name not in operation.path_fields)
        required = schema.get("required", [])
        return parameters + [_parameter("query", name, schema, required=name in required) for name in rest]
    return [*parameters, _KEY_HEADER] if KEY in schema["properties"] else parameters


def _parameter(place: str, name: str, schema: Schema, *, required: bool) -> Schema:
    field = dict(schema["properties"][name])
    description = field.pop("description", "")
    if name == "mailbox_id" and required:
        description = "The mailbox to act for (mbx_…)."
    return {"name": name, "in": place, "required": required, "description": description, "schema": field}


def _body(operation: AnyOperation) -> Schema:
    """The request without what the path says already."""
    schema = input_schema(operation.request)
    in_path = operation.path_fields
    return {
        **schema,
        "title": operation.request.__name__,
        "properties": {name: field for name, field in schema["properties"].items() if name not in in_path},
        "required": [name for name in schema.get("required", []) if name not in in_path],
    }


def _failure(reference: Schema) -> Schema:
    return {
        "description": "The request was refused; `code` says why and `fix` what to do.",
        "headers": {**_REQUEST_ID, **_RETRY_AFTER},
        "content": {"application/json": {"schema": reference}, PROBLEM: {"schema": {"type": "object"}}},
    }
