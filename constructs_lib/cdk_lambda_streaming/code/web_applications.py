"""Calls that make a web application or a server, by the names that modules import.

A web application takes other arguments than a Lambda handler. Adapters such as Mangum make a handler of one, but a
handler that returns only whole responses.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from enum import Enum, auto

from cdk_lambda_streaming.code.top_level_names import TopLevelNames


class Kind(Enum):
    """Kind of object."""

    ASGI = auto()
    WSGI = auto()
    SERVER = auto()
    ASGI_IN_HANDLER = auto()
    WSGI_IN_HANDLER = auto()


DESCRIPTIONS = {Kind.ASGI: "an ASGI application", Kind.WSGI: "a WSGI application", Kind.SERVER: "a web server"}
IN_HANDLER = {Kind.ASGI_IN_HANDLER: Kind.ASGI, Kind.WSGI_IN_HANDLER: Kind.WSGI}
"""Handlers around an application that return only whole responses, and the kind of the application."""

# Top-level package and name of the class or function.
_MAKERS = {
    ("a2wsgi", "ASGIMiddleware"): Kind.WSGI,
    ("a2wsgi", "WSGIMiddleware"): Kind.ASGI,
    ("aiohttp", "Application"): Kind.SERVER,
    ("apig_wsgi", "make_lambda_handler"): Kind.WSGI_IN_HANDLER,
    ("asgiref", "WsgiToAsgi"): Kind.ASGI,
    ("blacksheep", "Application"): Kind.ASGI,
    ("bottle", "Bottle"): Kind.WSGI,
    ("bottle", "default_app"): Kind.WSGI,
    ("channels", "ProtocolTypeRouter"): Kind.ASGI,
    ("connexion", "App"): Kind.ASGI,
    ("connexion", "AsyncApp"): Kind.ASGI,
    ("connexion", "FlaskApp"): Kind.ASGI,
    ("dash", "Dash"): Kind.SERVER,
    ("django", "get_asgi_application"): Kind.ASGI,
    ("django", "get_wsgi_application"): Kind.WSGI,
    ("falcon", "API"): Kind.WSGI,
    ("falcon", "App"): Kind.WSGI,
    ("fastapi", "FastAPI"): Kind.ASGI,
    ("fasthtml", "FastHTML"): Kind.ASGI,
    ("fastmcp", "FastMCP"): Kind.SERVER,
    ("flask", "Flask"): Kind.WSGI,
    ("litestar", "Litestar"): Kind.ASGI,
    ("mangum", "Mangum"): Kind.ASGI_IN_HANDLER,
    ("mcp", "FastMCP"): Kind.SERVER,
    ("quart", "Quart"): Kind.ASGI,
    ("sanic", "Sanic"): Kind.ASGI,
    ("socketio", "ASGIApp"): Kind.ASGI,
    ("socketio", "WSGIApp"): Kind.WSGI,
    ("starlette", "Starlette"): Kind.ASGI,
    ("tornado", "Application"): Kind.SERVER,
    ("whitenoise", "WhiteNoise"): Kind.WSGI,
}
# Applications in servers, by the server's top-level package and name. Without a server they run in the function.
_INNER = {
    ("dash", "Dash"): (Kind.WSGI, "server"),
    ("fastmcp", "FastMCP"): (Kind.ASGI, "http_app()"),
    ("mcp", "FastMCP"): (Kind.ASGI, "streamable_http_app()"),
}
# Packages whose names that end with this are middleware around an application.
_MIDDLEWARE = "Middleware"
_MIDDLEWARE_OF = {"fastapi": Kind.ASGI, "starlette": Kind.ASGI, "werkzeug": Kind.WSGI}
# Methods that return an application, of Pyramid and of MCP servers.
_METHODS = {
    "http_app": Kind.ASGI,
    "make_wsgi_app": Kind.WSGI,
    "sse_app": Kind.ASGI,
    "streamable_http_app": Kind.ASGI,
}

PARAMETERS = {Kind.ASGI: ("scope", "receive", "send"), Kind.WSGI: ("environ", "start_response")}
"""Arguments with which a server calls an application, by their usual names."""


def adapter_of(kind: Kind) -> str:
    """Return the maker of the adapter for an application."""
    return {Kind.ASGI: "Adapter.asgi", Kind.WSGI: "Adapter.wsgi"}[kind]


def imported_names(scope: Sequence[ast.stmt]) -> Mapping[str, str]:
    """Return the full names of what the statements of a module or a function import, by the names that they bind.

    A name that another statement binds too may be anything, and is left out. So is an import under a condition.
    """
    names: dict[str, str] = {}
    others = TopLevelNames()
    for statement in scope:
        match statement:
            case ast.Import():
                found = dict(_bound_and_full(alias) for alias in statement.names)
            case ast.ImportFrom(module=str(package), level=0):
                found = {alias.asname or alias.name: f"{package}.{alias.name}" for alias in statement.names}
            case _:
                others.visit(statement)
                continue
        others.bound |= {name for name, full in found.items() if names.get(name, full) != full}
        names.update(found)
    return {name: full for name, full in names.items() if name not in others.bound}


def _bound_and_full(alias: ast.alias) -> tuple[str, str]:
    first = alias.name.partition(".")[0]
    return (alias.asname, alias.name) if alias.asname else (first, first)


def full_name(expression: ast.expr, imported: Mapping[str, str]) -> str:
    """Return the full name of an imported object, or nothing for other expressions."""
    match expression:
        case ast.Name(id=name):
            return imported.get(name, "")
        case ast.Attribute(value=owner, attr=attribute):
            prefix = full_name(owner, imported)
            return f"{prefix}.{attribute}" if prefix else ""
    return ""


def kind_of_call(call: ast.Call, imported: Mapping[str, str]) -> Kind | None:
    """Return the kind of object that a call makes, or None for an unknown one."""
    name = full_name(call.func, imported)
    package, last = name.partition(".")[0], name.rpartition(".")[2]
    if (package, last) == ("falcon", "App") and ".asgi." in name:
        return Kind.ASGI
    if package in _MIDDLEWARE_OF and (last.endswith(_MIDDLEWARE) or last == "ProxyFix"):
        return _MIDDLEWARE_OF[package]
    if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
        return _METHODS[call.func.attr]
    return _MAKERS.get((package, last))


def application_in(call: ast.Call, imported: Mapping[str, str]) -> tuple[Kind, str] | None:
    """Return the kind of the application in a server, and its attribute or method. None if there is none."""
    name = full_name(call.func, imported)
    return _INNER.get((name.partition(".")[0], name.rpartition(".")[2]))


def kind_of_parameters(arguments: ast.arguments) -> Kind | None:
    """Return the kind of application that a function with these parameters is, or None for another function."""
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    return next((kind for kind, usual in PARAMETERS.items() if names == list(usual)), None)
