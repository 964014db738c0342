from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cdk_lambda_streaming.handler_source import Doubt, find_handler

DESK = sys.version_info[:2]
NEWER_THAN_THE_DESK = (3, 99)


def look_in(folder: Path, source: str | bytes, python: tuple[int, int] = DESK) -> Doubt | None:
    path = folder / "index.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return find_handler(path, "handler", python)


@pytest.mark.parametrize(
    "source",
    [
        "def handler(event, context): ...",
        "async def handler(event, context): ...",
        "class handler: ...",
        "handler = make()",
        "handler: object = make()",
        "first, (second, *handler) = make()",
        "import handler",
        "import app.main as handler",
        "import handler.inner",
        "from app import handler",
        "from app import main as handler",
        "from . import handler",
        "with make() as handler: pass",
        "for handler in make(): pass",
        "if condition():\n    def handler(event, context): ...",
        "if condition(): pass\nelse:\n    handler = 1",
        "try:\n    from app import handler\nexcept ImportError:\n    pass",
        "try: pass\nfinally:\n    handler = 1",
        "while condition():\n    handler = 1",
        "print(handler := make())",
        "[handler := item for item in make()]",
        "match make():\n    case [handler, *_]: pass",
        "match make():\n    case [_, *handler]: pass",
        "match make():\n    case {'a': 1, **handler}: pass",
        "match make():\n    case str() as handler: pass",
        "@wrap\ndef handler(event, context): ...",
    ],
)
def test_a_name_bound_at_the_top_level_is_found(tmp_path: Path, source: str) -> None:
    assert look_in(tmp_path, source) is None


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def other():\n    handler = 1",
        "def other():\n    def handler(): ...",
        "class Other:\n    def handler(self): ...",
        "other = lambda: (handler := 1)",
        "[handler for handler in make()]",
        "handler: object",
        "other.handler = 1",
        "print(handler)",
        "try: pass\nexcept ValueError as handler: pass",
        "import app.handler",
        "'''def handler(): ...'''",
    ],
)
def test_a_name_bound_nowhere_at_the_top_level_is_an_error(tmp_path: Path, source: str) -> None:
    with pytest.raises(ValueError, match=r"index.py' has no 'handler' at its top level"):
        look_in(tmp_path, source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("from app import *", "line 1 imports \\* from app"),
        ("if True:\n    from .app import *", "line 2 imports \\* from .app"),
        ("def __getattr__(name): ...", "it has a __getattr__"),
        ("exec('handler = 1')", r"line 1 calls exec\(\)"),
        ("globals()['handler'] = 1", r"line 1 calls globals\(\)"),
        ("def make():\n    global handler\n    handler = 1\nmake()", "line 2 declares it global"),
        ("import sys\nsetattr(sys.modules[__name__], 'handler', 1)", r"line 2 calls setattr\(\)"),
        ("import sys\nsys.modules[__name__].handler = 1", "line 2 uses .modules"),
    ],
)
def test_what_reading_cannot_decide_is_a_doubt(tmp_path: Path, source: str, reason: str) -> None:
    doubt = look_in(tmp_path, source)
    assert doubt is not None
    assert doubt.id == "handlerUndecided"
    assert doubt.message.endswith(reason.replace("\\", ""))


@pytest.mark.parametrize(
    ("source", "suggestion"),
    [
        ("def handle(): ...", "did you mean 'handle'?"),
        ("def run(): ...\nasync def stop(): ...\nLIMIT = 3", "its functions are 'run', 'stop'"),
        ("LIMIT = 3", "it defines no function"),
    ],
)
def test_an_error_says_what_is_there(tmp_path: Path, source: str, suggestion: str) -> None:
    with pytest.raises(ValueError, match=r"at its top level; ") as caught:
        look_in(tmp_path, source)
    assert str(caught.value).endswith(suggestion)


def test_a_syntax_error_is_shown_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not valid Python .*index.py' line 2: .*: def handler\(:"):
        look_in(tmp_path, "x = 1\ndef handler(:\n    pass")


def test_a_syntax_error_in_source_for_a_newer_python_is_a_doubt(tmp_path: Path) -> None:
    doubt = look_in(tmp_path, "def handler(:", python=NEWER_THAN_THE_DESK)
    assert doubt is not None
    assert doubt.id == "sourceUnread"
    assert "cannot read what may be valid Python 3.99" in doubt.message


def test_syntax_newer_than_the_functions_python_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not valid Python 3\.10"):
        look_in(tmp_path, "try: pass\nexcept* ValueError: pass\ndef handler(): ...", python=(3, 10))


@pytest.mark.parametrize("source", [b"handler = 1\0", b"# coding: nonsense\nhandler = 1", b"handler = '\xff'"])
def test_bytes_that_are_no_source_are_an_error(tmp_path: Path, source: bytes) -> None:
    with pytest.raises(ValueError, match="is not valid Python"):
        look_in(tmp_path, source)


@pytest.mark.parametrize(
    "source",
    [
        b"# coding: latin-1\nname = '\xe9'\nhandler = 1",
        b"\xef\xbb\xbfhandler = 1",
        b"name = 1\r\nhandler = 1\r\n",
    ],
)
def test_encodings_and_line_ends_are_honoured(tmp_path: Path, source: bytes) -> None:
    assert look_in(tmp_path, source) is None


def test_the_module_is_never_run(tmp_path: Path) -> None:
    assert look_in(tmp_path, "raise SystemExit\nimport nowhere\ndef handler(event, context): ...") is None


@pytest.mark.filterwarnings("error")
def test_a_dubious_escape_does_not_end_the_synthesis(tmp_path: Path) -> None:
    assert look_in(tmp_path, "pattern = '\\d'\nhandler = 1") is None


def test_source_nested_too_deeply_is_a_doubt(tmp_path: Path) -> None:
    doubt = look_in(tmp_path, "x = " + "-" * 100_000 + "1\ndef handler(): ...")
    assert doubt is not None
    assert doubt.id == "sourceUnread"
