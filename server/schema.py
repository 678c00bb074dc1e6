"""JSON Schema of requests and results, as plain as other programs need it: no made-up titles, no null defaults."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

Schema = dict[str, Any]


class PlainSchema(GenerateJsonSchema):
    """Pydantic's generator without the noise."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return _untitled(super().model_schema(schema))

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        return _untitled(super().enum_schema(schema))

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        # who has nothing to say leaves an argument out; several clients cannot read a union with null
        if self.mode == "validation":
            return self.generate_inner(schema["schema"])
        return super().nullable_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def input_schema(model: type[BaseModel]) -> Schema:
    """What a tool takes. Do not change the result."""
    return _input_schema(model)


def output_schema(model: type[BaseModel]) -> Schema:
    """What a tool gives. Do not change the result."""
    return _output_schema(model)


def components(results: Sequence[type[BaseModel]]) -> tuple[dict[type[BaseModel], Schema], Schema]:
    """For OpenAPI: the reference to each model of an answer, and the schemas they point to, by name."""
    references, definitions = models_json_schema(
        [(model, "serialization") for model in results],
        schema_generator=PlainSchema,
        ref_template="#/components/schemas/{model}",
    )
    return {model: references[model, "serialization"] for model in results}, definitions.get("$defs", {})


@cache
def _input_schema(model: type[BaseModel]) -> Schema:
    schema = _inlined(model.model_json_schema(schema_generator=PlainSchema, mode="validation"))
    required = schema.get("required", [])
    # a model reads from the top: what it must give stands first
    fields = sorted(schema["properties"].items(), key=lambda field: field[0] not in required)
    return {**schema, "properties": dict(fields)}


@cache
def _output_schema(model: type[BaseModel]) -> Schema:
    return _inlined(model.model_json_schema(schema_generator=PlainSchema, mode="serialization"))


def _untitled(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {key: value for key, value in schema.items() if key != "title"}


def _inlined(schema: Schema) -> Schema:
    """The schema with every `$ref` replaced by what it points to: many clients follow none."""
    definitions: Schema = schema.pop("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(each) for each in node]
        if not isinstance(node, dict):
            return node
        plain = {key: walk(value) for key, value in node.items() if key != "$ref"}
        if "$ref" not in node:
            return plain
        return {**walk(definitions[node["$ref"].rpartition("/")[2]]), **plain}

    # the tool's own description says it better than the model's docstring
    return {key: walk(value) for key, value in schema.items() if key != "description"}
