"""Imports point one way, app.py only declares, and nothing grows too long to be read."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("chalicelib", "local", "ops", "drills", "bench")
SOURCES = [
    ROOT / "app.py",
    *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))),
]
SHIPPED = [path for path in SOURCES if path.name == "app.py" or "chalicelib" in path.parts]

# From the ground up: a module imports from the lines below its own, and from its own package.
LAYERS = (
    {"errors"},
    {"config", "telemetry"},
    {"events"},
    {"signing"},
    {"log", "work", "archive", "store", "vault", "decisions"},
    {"register"},
    {
        "access",
        "http",
        "checkpoint",
        "view",
        "subjects",
        "personal",
        "payments",
        "notary",
        "unread",
        "sweeping",
    },
    {"openapi"},
    {"read"},
    {"views"},
    {"projector"},
    {"replay"},
    {"door", "verdicts", "health"},
    {"customers", "proofs"},
    {"photographers", "pictures"},
    {"web"},
    {"writer", "latest", "todos", "orders", "tickets", "inbox"},
    {"webhook", "sms"},
)
LOWER = {
    "log",
    "work",
    "archive",
    "store",
    "vault",
    "access",
    "http",
    "openapi",
    "telemetry",
    "personal",
    "payments",
}
GROUND = {"events", "signing", "errors", "config"}
CLOUD = {"log", "work", "archive.objects", "store", "vault", "config", "signing.keys"}
CLOUD |= {"pictures.uploads", "todos.sending", "todos.courier"}
PURE = (
    "chalicelib.events",
    "chalicelib.decisions",
    "chalicelib.views",
    "chalicelib.projector.fold",
)
IMPURE = {"time", "os", "random", "secrets", "uuid", "socket", "threading", "subprocess"}
VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|base|manager|misc|service|shared|stuff)($|_)")
MOST_LINES, MOST_OF_A_FUNCTION, MOST_OF_A_HANDLER = 320, 30, 2

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Everything that the module imports, wherever in it, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "__import__",
            "import_module",
            "importlib.import_module",
        ):
            yield ast.unparse(node.args[0]).strip("'\"")


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def layer_of(module: str) -> int:
    (found,) = [rank for rank, names in enumerate(LAYERS) if module in names]
    return found


def library() -> list[Path]:
    return [path for path in SHIPPED if path.name != "app.py" and name_of(path) != "chalicelib"]


def own(path: Path) -> set[str]:
    """The modules of chalicelib, as named in LAYERS, that this one imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("chalicelib.")}


def module_of(path: Path) -> str:
    return name_of(path).split(".")[1]


def test_every_module_of_the_library_has_its_layer() -> None:
    assert {module_of(path) for path in library()} == set().union(*LAYERS)


def test_the_map_names_every_module() -> None:
    text = ast.get_docstring(ast.parse((ROOT / "chalicelib" / "__init__.py").read_text())) or ""
    columns = [(line[4:18].strip(), line[41:52].strip()) for line in text.splitlines()]
    named = {name for pair in columns for name in pair if name.isidentifier()}
    assert set().union(*LAYERS) <= named


def test_imports_point_one_way() -> None:
    for path in library():
        module = module_of(path)
        upwards = {o for o in own(path) - {module} if layer_of(o) >= layer_of(module)}
        assert not upwards, f"{name_of(path)} imports {upwards}"


def test_a_lower_layer_knows_the_ground_and_its_like_alone() -> None:
    for path in library():
        if module_of(path) in LOWER:
            assert own(path) <= GROUND | LOWER, name_of(path)


def test_only_app_imports_chalice_and_the_local_gateway_that_stands_for_awss() -> None:
    who = {name_of(path) for path in SOURCES if "chalice" in tops(path)}
    assert who == {"app", "local.gateway"}


def test_only_what_meets_the_cloud_imports_its_client() -> None:
    who = {name_of(path) for path in SHIPPED if {"boto3", "botocore"} & tops(path)}
    assert who == {f"chalicelib.{module}" for module in CLOUD}


def test_what_ships_imports_nothing_that_does_not() -> None:
    for path in SHIPPED:
        assert not {"app", "local", "ops", "drills", "bench", "tests"} & tops(path), name_of(path)


def test_nothing_imports_app_but_who_runs_it() -> None:
    who = {name_of(path).partition(".")[0] for path in SOURCES if "app" in tops(path)}
    assert who <= {"local", "bench", "drills"}


def test_what_must_be_pure_imports_no_clock_and_no_chance() -> None:
    pure = [path for path in SHIPPED if name_of(path).startswith(PURE)]
    assert len(pure) >= 12
    for path in pure:
        assert not IMPURE & tops(path), name_of(path)


def handlers() -> list[Function]:
    """What app.py declares: a route, a stream's consumer, a queue's, a schedule's."""
    declared = ("route(", "app.on_", "app.schedule(")
    return [
        function
        for function in functions(ROOT / "app.py")
        if any(ast.unparse(d).startswith(declared) for d in function.decorator_list)
    ]


def test_app_declares_something() -> None:
    assert len(handlers()) >= 16


@pytest.mark.parametrize("handler", handlers(), ids=lambda handler: handler.name)
def test_a_handler_is_a_docstring_and_one_or_two_statements(handler: Function) -> None:
    assert ast.get_docstring(handler)
    statements = [node for node in ast.walk(handler) if isinstance(node, ast.stmt)]
    assert len(statements) - 2 <= MOST_OF_A_HANDLER  # less the function itself and its docstring


def test_every_route_goes_through_the_wrapper_that_asks_for_a_role() -> None:
    text = (ROOT / "app.py").read_text()
    assert text.count("app.route(") == 1


def test_a_module_says_what_it_is() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert not text.strip() or ast.get_docstring(ast.parse(text)), name_of(path)


def test_a_file_and_a_function_can_be_read_at_a_sitting() -> None:
    read = [path for path in SOURCES if path.name != "app.py"]  # that is a table of declarations
    files = {name_of(path): len(path.read_text().splitlines()) for path in read}
    assert not {name: lines for name, lines in files.items() if lines > MOST_LINES}
    lengths = {
        f"{name_of(path)}.{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in SOURCES
        for function in functions(path)
    }
    assert not {name: lines for name, lines in lengths.items() if lines > MOST_OF_A_FUNCTION}


def test_a_name_says_what_it_is_about() -> None:
    parts = {part for path in SOURCES for part in name_of(path).split(".")}
    assert not [part for part in parts if VAGUE.search(part)]


def test_every_view_that_has_a_file_is_listed() -> None:
    from chalicelib.views import VIEWS  # noqa: PLC0415

    files = [
        path for path in (ROOT / "chalicelib" / "views").glob("*.py") if path.stem != "__init__"
    ]
    modules = [importlib.import_module(name_of(path)) for path in files]
    assert {module.VIEW.name: module.VIEW for module in modules} == {v.name: v for v in VIEWS}
    assert {module.VIEW.name for module in modules} == {path.stem for path in files}


def test_a_view_opens_with_its_question_and_its_events() -> None:
    for path in (ROOT / "chalicelib" / "views").glob("[a-z]*.py"):
        said = ast.get_docstring(ast.parse(path.read_text())) or ""
        for word in ("Answers ", "From ", "Rows "):
            assert word in said, path.stem


def test_the_map_in_the_library_names_what_there_is() -> None:
    said = ast.get_docstring(ast.parse((ROOT / "chalicelib" / "__init__.py").read_text())) or ""
    table = said[said.index("    door") :]
    named = set(re.findall(r"(?:^|  )([a-z]+)  +", table, re.MULTILINE))
    assert named <= set().union(*LAYERS)
    assert len(named) >= 16
