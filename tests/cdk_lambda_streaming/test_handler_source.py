from __future__ import annotations

import os
import re
import sys
import textwrap
from pathlib import Path

import pytest
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code import source_syntax
from cdk_lambda_streaming.code.handler_source import find_handler
from cdk_lambda_streaming.code.module_source import SoughtName

THIS_PYTHON = sys.version_info[:2]
NEWER_PYTHON = (3, 99)


def look_in(folder: Path, source: str | bytes, python: tuple[int, int] = THIS_PYTHON) -> SynthWarning | None:
    path = folder / "index.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return find_handler(SoughtName("handler", path, "index", "handler", "handler='{}'"), python)


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
def test_name_at_top_level_is_found(tmp_path: Path, source: str) -> None:
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
def test_name_missing_at_top_level_is_rejected(tmp_path: Path, source: str) -> None:
    with pytest.raises(ValueError, match=r"index.py' has no 'handler' at its top level"):
        look_in(tmp_path, source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("from app import *", "line 1 imports * from app"),
        ("if True:\n    from .app import *", "line 2 imports * from .app"),
        ("def __getattr__(name): ...", "it has a __getattr__"),
        ("exec('handler = 1')", "line 1 calls exec()"),
        ("globals()['handler'] = 1", "line 1 calls globals()"),
        ("def make():\n    global handler\n    handler = 1\nmake()", "line 2 declares it global"),
        ("import sys\nsetattr(sys.modules[__name__], 'handler', 1)", "line 2 calls setattr()"),
        ("import sys\nsys.modules[__name__].handler = 1", "line 2 uses .modules"),
    ],
)
def test_hidden_binding_causes_warning(tmp_path: Path, source: str, reason: str) -> None:
    warning = look_in(tmp_path, source)
    assert warning is not None
    assert warning.id == "handlerUndecided"
    fix = "Define or import the name at the top level, or acknowledge this warning."
    assert warning.message.endswith(f"{reason}. {fix}")


@pytest.mark.parametrize(
    ("source", "suggestion"),
    [
        ("def handle(): ...", "did you mean 'handle'? Pass handler='handle'"),
        (
            "def run(): ...\nasync def stop(): ...\nLIMIT = 3",
            "its functions are 'run', 'stop'; pass one of them, such as handler='run'",
        ),
        ("LIMIT = 3", "it defines no function"),
    ],
)
def test_error_lists_functions(tmp_path: Path, source: str, suggestion: str) -> None:
    with pytest.raises(ValueError, match=r"at its top level; ") as caught:
        look_in(tmp_path, source)
    assert str(caught.value).endswith(suggestion)


def test_syntax_error_shows_its_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not valid Python .*index.py' line 2: .*: def handler\(:"):
        look_in(tmp_path, "x = 1\ndef handler(:\n    pass")


# Syntax that this Python does not know, as newer syntax was unknown to each Python before.
UNKNOWN_SYNTAX = "later import json\ndef handler(event, context): ..."


def test_unknown_syntax_for_newer_python_causes_warning(tmp_path: Path) -> None:
    warning = look_in(tmp_path, UNKNOWN_SYNTAX, python=NEWER_PYTHON)
    assert warning is not None
    assert warning.id == "sourceUnread"
    assert warning.message.endswith("It may be valid in Python 3.99. Run the synth with Python 3.99 to check it.")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def handler(event, context)\n    yield 1", "line 1: expected ':': def handler"),
        ("async def handler(event, context)  # streams\n    yield 1", "line 1: expected ':'"),
        ("if True\n    handler = 1", "line 1: expected ':'"),
        ("class Chat(dict)\n    pass\nhandler = Chat", "line 1: expected ':'"),
        ("def handler(event, context):\nyield 1", "line 2: expected an indented block"),
        ("x = 1\n  handler = 2", "line 2: unexpected indent"),
        ("if x:\n    handler = 1\n  y = 2", "line 3: unindent does not match"),
        ("handler = (1,\n", "line 1: '\\(' was never closed"),
        ("handler = max(1, 2]\n", "line 1: closing parenthesis"),
        ("handler = 1)\n", "line 1: unmatched '\\)'"),
        ("print 'hello'\nhandler = 1", "line 1: Missing parentheses in call to 'print'"),
        (b"handler = 1\0", ""),
        (b"handler = '\xff'", ""),
    ],
)
def test_syntax_that_no_python_accepts_is_rejected_for_newer_python_too(
    tmp_path: Path, source: str | bytes, message: str
) -> None:
    with pytest.raises(ValueError, match=rf"is not valid Python 3\.99, .*{message}"):
        look_in(tmp_path, source, python=NEWER_PYTHON)


# Valid in Python 3.12 or 3.14. Older parsers report some of these errors as errors that the test above lists.
VALID_LATER = [
    "def first[T](items: list[T]) -> T: ...\nhandler = 1",
    "class Box[T]:\n    item: T\nhandler = 1",
    "type Item = int\nhandler = 1",
    "x = f'{d['a']}'\nhandler = 1",
    "x = f'{\n1}'\nhandler = 1",
    "x = f'{\"(\"}' + f'{(\"a\")}'\nhandler = 1",
    "x = f'{x(\")\")}'\nif f'{d['a']}' == '1':\n    handler = 1",
    "try: pass\nexcept ValueError, TypeError: pass\nhandler = 1",
    "x = t'{name}'\nhandler = 1",
    "x = (\n    t'{name}',\n)\nhandler = 1",
]


@pytest.mark.parametrize("source", VALID_LATER)
def test_syntax_that_a_newer_python_accepts_is_never_rejected(tmp_path: Path, source: str) -> None:
    warning = look_in(tmp_path, source, python=NEWER_PYTHON)
    assert warning is None or warning.id == "sourceUnread"


def test_interpreter_of_the_version_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here this Python stands for the newer one."""
    monkeypatch.setattr(source_syntax, "find_interpreter", {NEWER_PYTHON: sys.executable}.get)
    with pytest.raises(ValueError, match=r"not valid Python 3\.99, .*index.py' line 1: .*: later import json"):
        look_in(tmp_path, UNKNOWN_SYNTAX, python=NEWER_PYTHON)


@pytest.mark.parametrize("answer", ["null", ""])
def test_source_that_the_interpreter_accepts_or_cannot_read_causes_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    interpreter = tmp_path / "python3.99"
    interpreter.write_text(f"#!/bin/sh\ncat > {os.devnull}\nprintf '{answer}'\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(source_syntax, "find_interpreter", {NEWER_PYTHON: str(interpreter)}.get)
    warning = look_in(tmp_path, "def handler(event, context)\n    yield 1", python=NEWER_PYTHON)
    assert warning is not None
    assert warning.id == "sourceUnread"


def test_syntax_newer_than_functions_python_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not valid Python 3\.10"):
        look_in(tmp_path, "try: pass\nexcept* ValueError: pass\ndef handler(): ...", python=(3, 10))


@pytest.mark.parametrize("source", [b"handler = 1\0", b"# coding: nonsense\nhandler = 1", b"handler = '\xff'"])
def test_invalid_bytes_are_rejected(tmp_path: Path, source: bytes) -> None:
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
def test_encodings_and_line_ends_are_read(tmp_path: Path, source: bytes) -> None:
    assert look_in(tmp_path, source) is None


@pytest.mark.parametrize(
    ("module", "file", "imported"),
    [
        ("index", "index.py", ".chat"),
        ("index", "index.py", ".."),
        ("app.main", "app/main.py", "..chat"),
        ("app", "app/__init__.py", "..chat"),
    ],
)
def test_import_from_above_the_top_is_rejected(module: str, file: str, imported: str, tmp_path: Path) -> None:
    """Python cannot import it in Lambda, where the modules of `entry` are at the top."""
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"import json\nfrom {imported} import words\ndef handler(event, context): yield ''\n")
    with pytest.raises(ValueError, match=rf"line 2 imports from '{re.escape(imported)}', but the module is '{module}'"):
        find_handler(SoughtName("handler", path, module, "handler", "handler='{}'"), THIS_PYTHON)


@pytest.mark.parametrize(
    ("module", "file", "line"),
    [
        ("app.main", "app/main.py", "from .chat import words"),
        ("app", "app/__init__.py", "from .chat import words"),
        ("app.api.main", "app/api/main.py", "from ..chat import words"),
        ("index", "index.py", "try:\n    from .chat import words\nexcept ImportError:\n    from chat import words"),
    ],
)
def test_import_from_the_own_package_is_right(module: str, file: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{line}\ndef handler(event, context): yield ''\n")
    assert find_handler(SoughtName("handler", path, module, "handler", "handler='{}'"), THIS_PYTHON) is None


def test_module_is_never_run(tmp_path: Path) -> None:
    assert look_in(tmp_path, "raise SystemExit\nimport nowhere\ndef handler(event, context): ...") is None


@pytest.mark.filterwarnings("error")
def test_escape_warning_does_not_end_synth(tmp_path: Path) -> None:
    assert look_in(tmp_path, "pattern = '\\d'\nhandler = 1") is None


def test_too_deeply_nested_source_causes_warning(tmp_path: Path) -> None:
    warning = look_in(tmp_path, "x = " + "-" * 100_000 + "1\ndef handler(): ...")
    assert warning is not None
    assert warning.id == "sourceUnread"


LATE_RETURNS = {
    "after an item": "yield 1\nreturn 2",
    "after a loop": "for item in event:\n    yield item\nreturn {'statusCode': 200}",
    "in a loop that comes back": "while event:\n    if context:\n        return 2\n    yield 1",
    "in a condition": "yield 1\nif event:\n    return 2",
    "after a loop with a break": "while True:\n    yield 1\n    if event:\n        break\nreturn 2",
    "after a branch that goes on": "if event:\n    yield 1\nreturn 2",
    "in an except clause": "try:\n    yield 1\nexcept ValueError:\n    return {'statusCode': 500}",
    "in a finally clause": "try:\n    yield 1\nfinally:\n    return 2",
    "in a with block": "with event as opened:\n    yield 1\n    return opened",
    "in a match": "yield 1\nmatch event:\n    case 5:\n        return 2",
    "the value of a yield": "return (yield 1)",
    "after a yield in a condition": "if (yield 1):\n    return 2",
    "after yield from": "yield from event\nreturn 2",
}
EARLY_RETURNS = {
    "before any item": "if event:\n    return {'statusCode': 403}\nyield 1",
    "in the other branch": "if event:\n    yield 1\nelse:\n    return 2",
    "after a branch that has returned": "if event:\n    yield 1\n    return\nreturn {'statusCode': 404}",
    "after a branch that raises": "if event:\n    yield 1\n    raise ValueError\nreturn 2",
    "without a value": "yield 1\nreturn",
    "None": "yield 1\nreturn None",
    "in another function": "def inner():\n    return 2\nyield inner()",
    "no generator": "def inner():\n    yield 1\nreturn inner()",
    "after an endless loop": "if event:\n    while True:\n        yield 1\nreturn {'statusCode': 404}",
    "in another match case": "match event:\n    case 1:\n        yield 1\n    case 2:\n        return 2",
}


def handler_of(body: str) -> str:
    return "def handler(event, context):\n" + textwrap.indent(body, "    ")


@pytest.mark.parametrize("name", LATE_RETURNS)
def test_value_that_a_generator_returns_after_an_item_is_a_warning(name: str, tmp_path: Path) -> None:
    body = LATE_RETURNS[name]
    warning = look_in(tmp_path, handler_of(body))
    assert warning is not None
    assert warning.id == "lateReturn"
    line = 2 + next(number for number, text in enumerate(body.split("\n")) if "return" in text)
    assert f"line {line}." in warning.message


@pytest.mark.parametrize("name", EARLY_RETURNS)
def test_value_that_a_generator_returns_before_its_first_item_is_right(name: str, tmp_path: Path) -> None:
    assert look_in(tmp_path, handler_of(EARLY_RETURNS[name])) is None


def test_only_the_handler_is_searched_for_late_returns(tmp_path: Path) -> None:
    source = "def other():\n    yield 1\n    return 2\n\n" + handler_of("yield 1")
    assert look_in(tmp_path, source) is None
    assert look_in(tmp_path, "if True:\n" + textwrap.indent(handler_of("yield 1\nreturn 2"), "    ")) is not None
