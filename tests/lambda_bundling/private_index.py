"""Package index with a password, for wheels that no other index has."""

from __future__ import annotations

import base64
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME, PASSWORD = "robot", "open-sesame"
_WANTED = "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()


def write_wheel(folder: Path, name: str, module: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
    """Write a wheel of one module. https://packaging.python.org/en/latest/specifications/binary-distribution-format/"""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:

        def write(name: str, text: str) -> None:
            archive.writestr(zipfile.ZipInfo(name), text)  # Without the time: equal content gives equal wheels.

        write(f"{name}.py", module)
        write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        write(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: {tag}\n")
        write(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return wheel


@contextmanager
def serve_index(wheels: list[Path], *, with_hashes: bool = True) -> Iterator[str]:
    """Serve wheels on loopback. Yield the host and port of the index. Its path is /simple."""

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("authorization") != _WANTED:
                self._answer(401, b"", "text/plain")
                return None
            for wheel in wheels:
                if self.path == f"/files/{wheel.name}":
                    return self._answer(200, wheel.read_bytes(), "application/octet-stream")
                if self.path.rstrip("/") == f"/simple/{wheel.name.partition('-')[0]}":
                    fragment = f"#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}" if with_hashes else ""
                    page = f'<!doctype html><a href="/files/{wheel.name}{fragment}">{wheel.name}</a>'
                    return self._answer(200, page.encode(), "text/html")
            return self._answer(404, b"", "text/plain")

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("www-authenticate", 'Basic realm="index"')
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
