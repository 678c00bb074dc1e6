"""The house stands as docs and DESIGN say: imports go down, each library has one home, pieces stay small."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from storage.queries import queries

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("gatepost", "server", "tools", "storage", "policies")
MAY_IMPORT = {
    "policies": {"policies"},
    "storage": {"storage"},
    "tools": {"tools", "storage", "policies"},
    "server": {"server", "tools", "storage", "policies"},
    "gatepost": {"gatepost", "server"},
}
WEB = ("server/http/", "server/mcp/")
HOMES: dict[str, tuple[str, ...]] = {
    "anyio": ("server/calls.py",),
    "aiosqlite": ("storage/sqlite.py",),
    "asyncpg": ("storage/postgres.py",),
    "cryptography": ("server/delivery/", "server/doctor/certificate.py", "tools/mail/auth/"),
    "dkim": ("server/demo/script.py",),
    "dns": ("server/",),
    "email_validator": ("tools/mail/address.py",),
    "flufl": ("tools/mail/notice.py",),
    "html_to_markdown": ("tools/mail/htmltext.py",),
    "httpx2": (
        "server/mcp/",
        "server/demo/",
        "server/delivery/https.py",
        "server/delivery/sts_fetch.py",
        "server/delivery/tls_post.py",
        "server/screening/rspamd.py",
    ),
    "jinja2": ("server/http/web/",),
    "markdown_it": ("tools/mail/markdown.py",),
    "maxminddb": ("server/regions.py",),
    "mcp": ("server/mcp/", "server/demo/"),
    "nh3": ("server/http/web/",),
    "pydantic": ("server/", "tools/"),
    "pydantic_core": ("server/",),
    "pydantic_settings": ("server/settings.py",),
    "pypdf": ("tools/mail/documents/pdf.py",),
    "rich": ("server/commands/", "server/demo/"),
    "sqlite3": ("storage/sqlite.py",),
    "starlette": WEB,
    "structlog": ("server/",),
    "turbohtml": ("tools/mail/",),
    "typer": ("server/cli.py", "server/commands/"),
    "uvicorn": ("server/app.py", "server/http/patience.py"),
    "uvloop": ("server/commands/process.py",),
}
PART_OF = {"pydantic_core": "pydantic"}
"""Libraries that are another's inner part, with that other's name."""

LONG_FUNCTIONS: set[str] = set()
"""Functions between 40 and 60 lines. The list may only shrink."""
LONG_FILES: set[str] = set()
"""Files of 500 lines and more. The list may only shrink."""
FUNCTION_LINES, FUNCTION_LIMIT, FILE_LINES = 40, 60, 500


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the program and its tests, by its path from the root."""
    paths = [path for folder in (*FLOORS, "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def program() -> dict[str, ast.Module]:
    """The modules that are shipped."""
    return {path: tree for path, tree in modules().items() if not path.startswith("tests/")}


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a tree imports, wherever it does; with `from a import b`, both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tracked() -> list[Path]:
    """The files under version control."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", program())
def test_imports_go_down(path: str) -> None:
    floor = path.partition("/")[0]
    ours = {name.partition(".")[0] for name in imports(modules()[path])} & {*FLOORS, "tests", "bench"}
    assert ours <= MAY_IMPORT[floor]


def test_policies_need_the_standard_library_alone() -> None:
    allowed = sys.stdlib_module_names | {"policies"}
    for path, tree in program().items():
        if path.startswith("policies/"):
            assert {name.partition(".")[0] for name in imports(tree)} <= allowed, path


def test_modules_do_not_import_in_circles() -> None:
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in program()}
    graph = {}
    for name, path in names.items():
        # what is imported inside functions is imported later, and for that very reason
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        top = ast.Module([node for node in modules()[path].body if not isinstance(node, functions)], [])
        graph[name] = {found for found in imports(top) if found in names and found != name}
    TopologicalSorter(graph).prepare()


def test_each_library_has_one_home() -> None:
    used = set()
    for path, tree in program().items():
        for library in {name.partition(".")[0] for name in imports(tree)}:
            if library in FLOORS or (library in sys.stdlib_module_names and library not in HOMES):
                continue
            assert path.startswith(HOMES.get(library, ())), f"{path} imports {library}; see HOMES"
            used.add(library)
    assert used == HOMES.keys(), "HOMES names a library that nothing imports"


def test_each_library_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    stated = [*project["dependencies"], *extras["postgres"], *extras["region"], *extras["documents"]]
    declared = {_normal(re.split(r"[\[<>=~!; ]", line, maxsplit=1)[0]) for line in stated}
    distributions = packages_distributions()
    for library in HOMES.keys() - sys.stdlib_module_names:
        owner = PART_OF.get(library, library)
        names = {_normal(name) for name in distributions.get(owner, [owner])}
        assert names & declared, f"{library} is imported and not in pyproject.toml"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_functions_fit_on_a_screen() -> None:
    long = {}
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long[f"{path}:{node.name}"] = lines
    assert long.keys() == LONG_FUNCTIONS, "split what is new; take what got shorter off the list"
    assert max(long.values(), default=0) <= FUNCTION_LIMIT


@pytest.mark.parametrize("path", modules())
def test_a_file_is_short_and_says_what_it_is(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.startswith('"""') and text[3].strip(), "the first line is the docstring"
    assert (text.count("\n") >= FILE_LINES) == (path in LONG_FILES), "split what is long"


QUERY_CALLS = {"rows": 0, "run": 0, "one": 2, "many": 2}
"""The ways to run a named query, and which argument is its name."""


def query_calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Where, the call, and the name of the query, for calls that name it literally."""
    for path, tree in program().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                function = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                match node.args[QUERY_CALLS.get(function, len(node.args)) :]:
                    case [ast.Constant(value=str(name)), *_]:
                        yield f"{path}:{node.lineno}", node, name


def test_queries_are_called_by_name_with_just_their_parameters() -> None:
    called = list(query_calls())
    assert len(called) > 50, "the search for calls finds them"
    for where, call, name in called:
        assert name in queries(), f"{where}: no query is named {name}"
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:  # **columns(record) is known only at run time
            assert given == set(queries()[name].parameters), f"{where}: {name}"


def test_every_query_is_used() -> None:
    # tests may look at what was written through queries of their own
    strings = {
        node.value
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert queries().keys() <= strings


def test_nothing_is_left_for_later() -> None:
    # in pieces, so that this file does not hold what it forbids
    left = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "type:" + " ignore", "NotImplemented" + "Error")))
    for path in modules():
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), 1):
            assert not left.search(line), f"{path}:{number}"


def test_no_file_names_a_package_index_or_a_machine() -> None:
    ends = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
    hosts = [re.escape(".".join(end)) for end in ends]
    paths = ["/" + folder for folder in ("root/", r"home/\w+/", r"Users/\w+/", "work/")]
    forbidden = re.compile("|".join([*hosts, "--(?:extra-)?index" + "-url", *(r"(?<![\w.])" + path for path in paths)]))
    for file in tracked():
        text = file.read_bytes().decode("utf-8", errors="replace")
        found = forbidden.search(text)
        assert not found, f"{file.relative_to(ROOT)}: {found and found.group()}"
