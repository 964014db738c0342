"""The frameworks that are tested, their packages, and the packages of the servers that answer the same requests.

To move to newer versions, change the pins here and run `python -m tests.web_frameworks.table --write`.
"""

from __future__ import annotations

from dataclasses import dataclass

ASGI = "ASGI"
WSGI = "WSGI"


# Columns of the table that only some frameworks have.
API_DOCS = "API docs"
BACKGROUND_TASK = "background task"
NO_DOCS = frozenset({API_DOCS})
NEITHER = frozenset({API_DOCS, BACKGROUND_TASK})


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework, and the module of `applications/` that has an `app` of it."""

    name: str
    interface: str
    module: str
    package: str = ""
    """The pinned package. Empty for an application without a framework."""

    lacks: frozenset[str] = frozenset()
    """The columns of the table that do not exist in the framework or in its application here."""

    detaches_tasks: bool = False
    """True if its background tasks are asyncio tasks that no request waits for."""

    def has(self, route: str) -> bool:
        return route not in self.lacks

    @property
    def function(self) -> str:
        """The construct id of its function."""
        return "".join(part.title() for part in self.module.split("_"))

    @property
    def version(self) -> str:
        return self.package.partition("==")[2]


FRAMEWORKS = (
    Framework("FastAPI", ASGI, "with_fastapi", "fastapi==0.165.0"),
    Framework("Starlette", ASGI, "with_starlette", "starlette==1.10.0", NO_DOCS),
    Framework("Litestar", ASGI, "with_litestar", "litestar==2.25.0"),
    Framework("Quart", ASGI, "with_quart", "quart==0.22.0", NO_DOCS, detaches_tasks=True),
    Framework("Django", ASGI, "with_django_asgi", "django==5.2.19", NEITHER),
    Framework("Falcon", ASGI, "with_falcon_asgi", "falcon==4.4.0", NO_DOCS, detaches_tasks=True),
    Framework("no framework", ASGI, "plain_asgi", lacks=NO_DOCS),
    Framework("Django", WSGI, "with_django_wsgi", "django==5.2.19", NEITHER),
    Framework("Flask", WSGI, "with_flask", "flask==3.1.3", NEITHER),
    Framework("Falcon", WSGI, "with_falcon_wsgi", "falcon==4.4.0", NEITHER),
    Framework("Bottle", WSGI, "with_bottle", "bottle==0.13.4", NEITHER),
    Framework("no framework", WSGI, "plain_wsgi", lacks=NEITHER),
)

SSE_STARLETTE = "sse-starlette==3.7.0"
MCP = "mcp==2.3.0"
STRAWBERRY = "strawberry-graphql==0.341.2"
UVICORN = "uvicorn==0.54.0"
GUNICORN = "gunicorn==27.0.1"

PINS = (
    *dict.fromkeys(framework.package for framework in FRAMEWORKS if framework.package),
    *(SSE_STARLETTE, MCP, STRAWBERRY, UVICORN, GUNICORN),
    # FastAPI reads forms with it.
    "python-multipart==0.0.34",
)
