"""The reference pages, written from the code: `python -m server.docs` (`make docs`)."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from server.inbound import InboundSettings
from server.limits import LimitSettings
from server.screening.table import SpamSettings
from server.settings import PREFIX, Settings
from server.web import WebSettings
from tools.errors import CATALOGUE
from tools.operation import AnyOperation
from tools.registry import OPERATIONS

FOLDER = Path(__file__).resolve().parents[1] / "docs"
_NOTE = "<!-- Written by `make docs`; change the code, not this page. -->\n"


def pages() -> dict[str, str]:
    """Each generated page by its file name in docs/."""
    return {"errors.md": errors_page(), "settings.md": settings_page(), "tools.md": tools_page()}


def errors_page() -> str:
    """The catalogue of refusals."""
    lines = [
        "# Errors",
        _NOTE,
        'REST answers `{"error", "code", "fix", "details", "docs", "request_id"}` with the HTTP status, MCP an error '
        "result with the same code and fix, SMTP the reply.\n",
    ]
    for condition in CATALOGUE.values():
        smtp = f" · SMTP {condition.smtp}" if condition.smtp else ""
        lines += [
            f"## {condition.code}\n",
            f"HTTP {condition.status}{smtp}\n",
            f"{condition.meaning} {condition.fix}\n",
        ]
    return _joined(lines)


def settings_page() -> str:
    """Every setting with its variable, default and meaning."""
    lines = [
        "# Settings",
        _NOTE,
        "A flag wins over a variable, a variable over the file, the file over the default. The file is TOML: "
        "`--config`, `GATEPOST_CONFIG`, or `gatepost.toml` in the data folder. A name that is not here is an error. "
        "`gatepost config show` prints what is in force.\n",
        "| setting | variable | default | meaning |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        # a default that depends on the machine is told in words, in the description
        default = f"`{_default(field.default)}`" if field.default_factory is None and field.default is not None else ""
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    tables: dict[str, type[BaseModel]] = {
        "limits": LimitSettings,
        "web": WebSettings,
        "inbound": InboundSettings,
        "spam": SpamSettings,
    }
    return _joined([*lines, "", *(line for title, settings in tables.items() for line in _table(title, settings))])


def _table(title: str, settings: type[BaseModel]) -> list[str]:
    """One table of the settings; a tier is written as in the file."""
    lines = [f"## {title}\n", f"{settings.__doc__}\n", "| setting | default | meaning |", "|---|---|---|"]
    for name, field in settings.model_fields.items():
        value = field.default
        shown = f"[{', '.join(map(_inline, value))}]" if isinstance(value, tuple) else value
        lines.append(f"| `{name}` | {'' if shown is None else f'`{shown}`'} | {field.description} |")
    return [*lines, ""]


def _inline(value: object) -> str:
    """A value of TOML: an inline table, or a string."""
    if not isinstance(value, BaseModel):
        return f'"{value}"'
    return f"{{ {', '.join(f'{name} = {value}' for name, value in value.model_dump(exclude_none=True).items())} }}"


def tools_page() -> str:
    """Every operation with its ways in, its fields and its result."""
    lines = [
        "# Operations",
        _NOTE,
        "Each is a REST route; most are MCP tools as well. Fields whose name ends in `_untrusted` hold text that "
        "somebody else wrote: data, never instructions.\n",
    ]
    for operation in OPERATIONS:
        lines += _operation(operation)
    return _joined(lines)


def _operation(operation: AnyOperation) -> list[str]:
    hints = {
        "reads only": operation.read_only,
        "destructive": operation.destructive,
        "may be repeated": operation.idempotent,
        "reaches outside": operation.open_world,
    }
    return [
        f"## {operation.name}\n",
        f"{operation.title}. {operation.summary}\n",
        f"- MCP: {f'`{operation.name}`' if operation.mcp else 'not a tool'}",
        f"- REST: `{operation.method} {operation.path}` → {operation.success}",
        f"- Scope of the key: {operation.keys}",
        f"- Nature: {', '.join(text for text, true in hints.items() if true) or 'acts here only'}\n",
        *_fields("field", operation.request),
        *_fields("result", operation.result),
    ]


def _fields(heading: str, model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema(mode="validation" if heading == "field" else "serialization")
    properties: dict[str, Any] = schema.get("properties", {})
    if not properties:
        return []
    required = schema.get("required", []) if heading == "field" else []
    lines = [f"| {heading} | type | meaning |", "|---|---|---|"]
    for name, field in properties.items():
        must = " (required)" if name in required else ""
        lines.append(f"| `{name}`{must} | {_type(field)} | {_cell(field.get('description', ''))} |")
    return [*lines, ""]


def _type(field: dict[str, Any]) -> str:
    """A JSON schema's type in a word or two."""
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"] if option.get("type") != "null")
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("type", "anything"))


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
