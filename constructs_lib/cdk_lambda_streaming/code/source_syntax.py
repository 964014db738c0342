"""Syntax of a module for the Python that runs it, which may be newer than this one.

This Python's parser does not know newer syntax. So if it rejects a module for a newer Python, an interpreter of that
version on this machine decides. If there is none, only errors count that no newer grammar accepts:

- a header such as `def` or `if` without a colon at the end of its line, and a body that is missing or wrongly indented;
- brackets that are not closed or not opened, in a module without f-strings: Python 3.12 and newer read these otherwise;
- `print "text"`, NUL bytes, and bytes that the encoding does not have.

The parser reports only its first error, so others after newer syntax stay unknown.
"""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
import warnings

from lambda_bundling.interpreters import find_interpreter

_BRACKETS = {")": "(", "]": "[", "}": "{"}
_FORMATTED_STRING = re.compile(rb"""\b([ft]r?|r[ft])["']""", re.IGNORECASE)
_BLOCK_ERRORS = re.compile(r"expected an indented block|unexpected indent|unindent does not match")
_OLD_PRINT = "Missing parentheses in call to"
_PARSE = """
import ast, json, sys
try:
    ast.parse(sys.stdin.buffer.read())
except SyntaxError as error:
    print(json.dumps([error.msg, error.lineno, error.text]))
except ValueError as error:
    print(json.dumps([str(error), None, None]))
else:
    print(json.dumps(None))
"""


def parse_source(source: bytes, python: tuple[int, int]) -> ast.Module:
    """Return the module in the newest grammar that both that Python and this one have. Raise SyntaxError."""
    with warnings.catch_warnings():
        # Under `-W error` a warning about an escape in a string would become a SyntaxError.
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source, feature_version=min(python, sys.version_info[:2]))
        except SyntaxError:
            raise
        except ValueError as error:  # a NUL byte, before Python 3.12
            raise SyntaxError(str(error)) from error


def error_in(source: bytes, python: tuple[int, int], error: SyntaxError) -> SyntaxError | None:
    """Return the error of a module in that Python's grammar, or None if the module may be valid there.

    `error` is this Python's.
    """
    if python <= sys.version_info[:2]:
        return error
    interpreter = find_interpreter(python)
    if interpreter is not None:
        return _error_by(interpreter, source)
    return error if _is_wrong_in_every_version(source, error) else None


def _error_by(interpreter: str, source: bytes) -> SyntaxError | None:
    command = [interpreter, "-I", "-W", "ignore", "-c", _PARSE]
    done = subprocess.run(command, input=source, capture_output=True, check=False)
    found = json.loads(done.stdout) if done.returncode == 0 and done.stdout else None
    if found is None:
        return None
    message, line, text = found
    return SyntaxError(message, ("", line, None, text))


def _is_wrong_in_every_version(source: bytes, error: SyntaxError) -> bool:
    message = error.msg or ""
    is_block_error = isinstance(error, IndentationError) and _BLOCK_ERRORS.match(message) is not None
    return (
        _is_unreadable(source)
        or is_block_error
        or message.startswith(_OLD_PRINT)
        or _lacks_colon(error)
        or (_FORMATTED_STRING.search(source) is None and _has_unbalanced_brackets(source))
    )


def _is_unreadable(source: bytes) -> bool:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return "\0" in source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError):
        return True


def _lacks_colon(error: SyntaxError) -> bool:
    """Return True if the line ends where the parser expects a colon."""
    if error.msg != "expected ':'" or error.text is None or error.offset is None:
        return False
    rest = error.text[error.offset - 1 :].strip()
    return rest == "" or rest.startswith("#")


def _has_unbalanced_brackets(source: bytes) -> bool:
    opened: list[str] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type != tokenize.OP:
                continue
            if token.string in _BRACKETS.values():
                opened.append(token.string)
            elif token.string in _BRACKETS and (not opened or opened.pop() != _BRACKETS[token.string]):
                return True
    except tokenize.TokenError:
        return bool(opened)
    except (SyntaxError, ValueError):
        return False
    return bool(opened)
