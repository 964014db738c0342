"""Writer of the table in docs/frameworks.md: `python -m tests.web_frameworks.table --write`.

The tests compare every framework with its web server, so a cell only says if the application has the route.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .cases import CASES, FUNCTION_URL_CHANGES, NOT_COMPARED
from .frameworks import BACKGROUND_TASK, FRAMEWORKS, GUNICORN, MCP, SSE_STARLETTE, STRAWBERRY, UVICORN, Framework

PAGE = Path(__file__).parents[2] / "docs" / "frameworks.md"
BEGIN = "<!-- written by tests/web_frameworks/table.py -->"
END = "<!-- end -->"
ROUTES = (*dict.fromkeys(case.route for case in CASES), BACKGROUND_TASK)


def generated() -> str:
    """Return the generated part of the page."""
    frameworks = [
        [each.name, each.version or "-", each.interface, *(_cell(each, route) for route in ROUTES)]
        for each in FRAMEWORKS
    ]
    packages = [pin.split("==") for pin in (SSE_STARLETTE, MCP, STRAWBERRY)]
    servers = " and ".join(pin.replace("==", " ") for pin in (UVICORN, GUNICORN))
    parts = [
        _table(["framework", "version", "interface", *ROUTES], frameworks),
        f"The servers are {servers}. Packages that are tested with clients of their own:",
        _table(["package", "version"], packages),
        "A Function URL changes an answer by design:",
        _table(["change", "reason"], [[change, reason] for change, reason in FUNCTION_URL_CHANGES.items()]),
        "These headers are not compared:",
        _table(["header", "reason"], [[f"`{name}`", reason] for name, reason in NOT_COMPARED.items()]),
    ]
    return "\n\n".join(parts)


def _cell(framework: Framework, route: str) -> str:
    if not framework.has(route):
        return "-"
    return "not awaited" if route == BACKGROUND_TASK and framework.detaches_tasks else "equal"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def parts_of_page() -> tuple[str, str, str]:
    """Return the page before the generated part, that part, and the page after it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(f"{BEGIN}\n")
    written, _, after = rest.partition(f"\n{END}")
    return before, written, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the page instead of the output")
    if not parser.parse_args().write:
        print(generated())
        return
    before, _, after = parts_of_page()
    PAGE.write_text(f"{before}{BEGIN}\n{generated()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
