"""HTTP/1.1 for a client of the Runtime API: encodes requests and decodes replies. No I/O.

A request body is sent with its length or in chunks (RFC 9112, 7.1): `size in hex CRLF data CRLF`. A chunk of size zero
ends the body, and trailers may follow. So an empty chunk must never be written as a frame: it would end the response.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CRLF = b"\r\n"

# A reply head of the Runtime API has some hundred bytes; its largest header is the client context (3,583 bytes before
# base64). A longer head is an error.
MAX_HEAD_BYTES = 256 * 1024
# The most digits of a length or of a chunk's size: more than any memory holds.
MAX_SIZE_DIGITS = 15
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")


class ProtocolError(Exception):
    """The peer sent something that is not HTTP/1.1."""


class Reply:
    """One reply: `status`, `headers` by lower-case name (empty values left out), `body`, `keep_alive`."""

    __slots__ = ("body", "headers", "keep_alive", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes, keep_alive: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive

    def __repr__(self) -> str:
        return f"Reply({self.status}, {self.body[:200]!r})"


def encode_request_head(method: str, path: str, host: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def frame_start(size_bytes: int) -> bytes:
    return b"%x\r\n" % size_bytes


def encode_last_chunk(trailers: Iterable[tuple[str, str]] = ()) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in trailers)
    return b"0\r\n" + fields.encode("latin-1") + CRLF


class ReplyDecoder:
    """Decodes received bytes, in pieces of any size, into one `Reply`.

    `receive` takes bytes and returns the reply once it is complete, None before. `receive_end` is called when the
    connection is closed. 1xx replies are skipped.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: tuple[int, dict[str, str], bool] | None = None
        self._body = bytearray()
        # Bytes of body still to come; None while the body is chunked or ends with the connection.
        self._body_left: int | None = None
        self._chunked = False

    def receive(self, data: bytes) -> Reply | None:
        self._buffer += data
        if self._head is None and not self._take_head():
            return None
        if self._chunked:
            return self._take_chunks()
        if self._body_left is None:
            return None
        if len(self._buffer) < self._body_left:
            return None
        body = bytes(memoryview(self._buffer)[: self._body_left])
        return self._reply(body, left_over=len(self._buffer) > self._body_left)

    def receive_end(self) -> Reply:
        if self._head is not None and not self._chunked and self._body_left is None:
            return self._reply(bytes(self._buffer), left_over=True)
        raise ProtocolError("the connection was closed before the reply was complete")

    def _take_head(self) -> bool:
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            # While the end is missing, count up to where it may begin: the limit must not depend on the size of reads.
            if (len(self._buffer) - 3 if end < 0 else end) > MAX_HEAD_BYTES:
                raise ProtocolError(f"the reply's head is longer than {MAX_HEAD_BYTES:,} bytes")
            if end < 0:
                return False
            status, headers, keep_alive = _parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if status >= 200:
                break
        self._head = (status, headers, keep_alive)
        if status in (204, 304):
            # These have no body, even if their head has a length (RFC 9112, 6.3).
            self._body_left = 0
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._chunked = True
        elif "content-length" in headers:
            length = headers["content-length"]
            if not length.isdecimal() or len(length) > MAX_SIZE_DIGITS:
                raise ProtocolError(f"the reply's content-length is {length[:80]!r}")
            self._body_left = int(length)
        return True

    def _take_chunks(self) -> Reply | None:
        while True:
            line_end = self._buffer.find(CRLF)
            if line_end < 0:
                return None
            size_text = bytes(self._buffer[:line_end]).partition(b";")[0].strip()
            # `int` alone takes signs, `0x` and underscores, too.
            if not _HEX_DIGITS.issuperset(size_text) or not 0 < len(size_text) <= MAX_SIZE_DIGITS:
                raise ProtocolError(f"a chunk of the reply has the size {size_text[:80]!r}")
            size = int(size_text, 16)
            if size == 0:
                return self._take_trailers(line_end)
            data_start = line_end + 2
            data_end = data_start + size
            # Checked byte by byte: one wrong byte makes the reply wrong, even if the next has not come.
            if not CRLF.startswith(self._buffer[data_end : data_end + 2]):
                raise ProtocolError("a chunk of the reply is longer than its size")
            if len(self._buffer) < data_end + 2:
                return None
            self._body += memoryview(self._buffer)[data_start:data_end]
            del self._buffer[: data_end + 2]

    def _take_trailers(self, size_line_end: int) -> Reply | None:
        # An empty line ends the trailers; without trailers it follows the size line.
        end = self._buffer.find(b"\r\n\r\n", size_line_end)
        if end < 0:
            return None
        return self._reply(bytes(self._body), left_over=len(self._buffer) > end + 4)

    def _reply(self, body: bytes, left_over: bool) -> Reply:
        assert self._head is not None
        status, headers, keep_alive = self._head
        # Bytes after the reply belong to no request: the connection must not be used again.
        return Reply(status, headers, body, keep_alive and not left_over)


def _parse_head(head: bytes) -> tuple[int, dict[str, str], bool]:
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status, _, _ = rest.partition(" ")
    if version not in ("HTTP/1.1", "HTTP/1.0") or not (len(status) == 3 and status.isdecimal() and status >= "100"):
        raise ProtocolError(f"the reply begins with {lines[0][:80]!r}")
    headers: dict[str, str] = {}
    del lines[0]
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ProtocolError(f"the reply has the header line {line[:80]!r}")
        # Managed Instances send headers without a value: the same as none (protocol.md 1.1).
        if value := value.strip():
            headers[name.lower()] = value
    connection = headers.get("connection", "").lower()
    keep_alive = connection != "close" and (version == "HTTP/1.1" or connection == "keep-alive")
    return int(status), headers, keep_alive
