"""The OpenAPI document: it says of every operation what the routes do."""

import re
from typing import Any

import httpx2
import pytest

from server.http.app import build_app
from server.http.openapi import document
from server.http.web.routes import web_routes
from tests.conftest import World
from tests.fakes.edges import MAIL, on_sqlite
from tools.errors import CATALOGUE
from tools.operation import AnyOperation
from tools.registry import OPERATIONS

DOCUMENT = document(OPERATIONS, "https://mail.example.com")

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


def described(operation: AnyOperation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return found


def references(node: object) -> set[str]:
    if isinstance(node, list):
        return set().union(*(references(each) for each in node))
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if "$ref" in node else set()
    return own.union(*(references(each) for each in node.values()))


@each_operation
def test_every_argument_has_one_place(operation: AnyOperation) -> None:
    said = described(operation)
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    places = [parameter["name"] for parameter in said["parameters"] if parameter["in"] != "header"]
    assert sorted([*places, *body.get("properties", {})]) == sorted(operation.request.model_fields)
    assert all(parameter["description"] for parameter in said["parameters"])


@each_operation
def test_every_path_parameter_is_required_and_in_the_path(operation: AnyOperation) -> None:
    in_path = [each for each in described(operation)["parameters"] if each["in"] == "path"]
    assert [each["name"] for each in in_path] == re.findall(r"{(\w+)}", operation.path)
    assert all(each["required"] and "Leave it out" not in each["description"] for each in in_path)


@each_operation
def test_every_operation_names_its_answers(operation: AnyOperation) -> None:
    said = described(operation)
    assert said["operationId"] == operation.name
    assert said["summary"] and f"key: {operation.keys}." in said["description"]
    assert {str(operation.success), "400", "401", "403", "404", "429", "500"} <= set(said["responses"])
    assert ("requestBody" in said) == (operation.method in ("POST", "PUT", "PATCH"))


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert found
    for reference in found:
        node: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_operation_ids_are_unique() -> None:
    ids = [said["operationId"] for methods in DOCUMENT["paths"].values() for said in methods.values()]
    assert len(ids) == len(set(ids)) == len(OPERATIONS) + 2, "the operations, verifying a mail, downloads"


def test_the_failure_lists_every_code() -> None:
    failure = DOCUMENT["components"]["schemas"]["Failure"]
    assert failure["properties"]["code"]["enum"] == list(CATALOGUE)


@on_sqlite
async def test_the_document_is_served_to_anybody_and_answers_keep_to_it(world: World) -> None:
    async def ready() -> dict[str, object]:
        return {}

    app = build_app(world.system, web_routes=web_routes(world.system), ready=ready)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost") as http:
        served = (await http.get("/openapi.json")).json()
        assert served == (await http.get("/v1/openapi.json")).json()
        where = f"/v1/mailboxes/{world.mailbox.id}/send"
        refused = await http.post(where, json=MAIL)
        sent = await http.post(where, json=MAIL, headers={"X-API-Key": world.key})
        verified = await http.post("/v1/verify", content=b"Subject: none\r\n\r\nNothing.\r\n")
    assert served["openapi"] == "3.1.0"
    assert served["servers"] == [{"url": world.system.site.base_url}]
    schemas = served["components"]["schemas"]
    assert set(refused.json()) == set(schemas["Failure"]["required"])
    assert set(sent.json()) == set(schemas["SubmissionResult"]["required"])
    assert served["paths"]["/v1/verify"]["post"]["security"] == []
    assert set(verified.json()) == set(schemas["Verification"]["required"])
