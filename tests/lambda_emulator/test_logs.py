"""Records of functions are decoded from their pipes, wherever the bytes are cut."""

from __future__ import annotations

import asyncio
import os
import struct

import pytest
from lambda_emulator.logs import FunctionLog, LogDecoder, LogPipe, with_time

from .served import TIME

TEXT, JSON_ERROR = 0xA55A0003, 0xA55A0016


def frame(record: str, frame_type: int = TEXT) -> bytes:
    payload = record.encode()
    return struct.pack(">IIQ", frame_type, len(payload), 0x0102030405060708) + payload


def decode(*pieces: bytes, with_frames: bool = True) -> list[str]:
    decoder = LogDecoder(with_frames=with_frames)
    records = [record for piece in pieces for record in decoder.feed(piece)]
    return [*records, decoder.close()]


OUTPUT = b"".join(
    (
        b"first\n",
        frame("one\n"),
        frame("[ERROR] two\n  caf\u00e9"),
        b"half a ",
        frame("", JSON_ERROR),
        "line \u00e5".encode(),
        b"\r\n\n",
        frame("four\n\n"),
        b"last",
    )
)
RECORDS = ["first", "one", "[ERROR] two\n  caf\u00e9", "", "half a line \u00e5", "", "four\n", "last"]


@pytest.mark.parametrize("cut", range(len(OUTPUT) + 1))
def test_lines_and_frames_are_records_in_their_order_wherever_they_are_cut(cut: int) -> None:
    assert decode(OUTPUT[:cut], OUTPUT[cut:]) == RECORDS


def test_single_bytes_give_the_same_records() -> None:
    assert decode(*(bytes([byte]) for byte in OUTPUT)) == RECORDS


def test_incomplete_line_is_a_record_at_the_end_of_an_invocation() -> None:
    decoder = LogDecoder(with_frames=True)

    assert list(decoder.feed("one\nunfinished \u00e5".encode())) == ["one"]
    assert decoder.flush() == "unfinished \u00e5"
    assert decoder.flush() == ""


def test_incomplete_frame_waits_for_its_rest() -> None:
    decoder = LogDecoder(with_frames=True)
    whole = frame("a record")

    assert list(decoder.feed(b"line" + whole[:-2])) == []
    assert decoder.flush() == "line"
    assert list(decoder.feed(whole[-2:])) == ["a record"]


def test_incomplete_frame_is_logged_at_the_end_of_the_process() -> None:
    assert decode(frame("a record")[:-2]) == ["a reco"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xa5\x5a\x00 is not a frame's type, whatever follows it",
        struct.pack(">IIQ", TEXT, 1 << 30, 0) + b"too long",
        b"short \xa5\x5a\x00\x03",
    ],
)
def test_bytes_that_look_like_a_frame_are_text(data: bytes) -> None:
    assert decode(data + b"\n", frame("one")) == [data.decode(errors="replace"), "one", ""]


def test_endless_line_is_cut_into_records() -> None:
    limit = 1024 * 1024
    decoder = LogDecoder(with_frames=True)

    records = [record for _ in range(40) for record in decoder.feed("a\u20ac".encode() * 16 * 1024)]

    assert [len(record.encode()) for record in records] == [limit, limit]
    assert "".join([*records, decoder.flush()]) == "a\u20ac" * 16 * 1024 * 40


def test_line_longer_than_the_limit_is_cut_between_characters() -> None:
    limit = 1024 * 1024
    line = "a" * (limit - 1) + "\u20acb"

    assert decode(f"{line}\nnext\n".encode()) == ["a" * (limit - 1), "\u20acb", "next", ""]


def test_output_of_runtimes_without_frames_is_text() -> None:
    data = frame("one")

    assert decode(data + b"\n", with_frames=False) == [data.decode(errors="replace"), ""]


def test_pipe_that_is_filled_without_end_is_read_once() -> None:
    """A function may write faster than the emulator reads. The end of its invocation must not wait for that."""

    printed: list[str] = []

    async def read() -> None:
        def print_and_write(line: str) -> None:
            assert len(printed) < 10, "the pipe is read without end"
            printed.append(line)
            if pipe.write_end >= 0:
                os.write(pipe.write_end, b"again\n")

        pipe = LogPipe(FunctionLog("App", print_and_write), with_frames=False)
        os.write(pipe.write_end, b"one\ntwo\n")
        pipe.read_now()
        assert printed == ["App | one", "App | two"]
        pipe.flush()
        assert printed[2:] == ["App | again", "App | again"]
        pipe.close()

    asyncio.run(read())


def test_each_line_of_a_record_is_printed_and_its_tail_is_the_record() -> None:
    printed: list[str] = []
    log = FunctionLog("App", printed.append)

    log.write("[ERROR] Boom\nTraceback\r  File")

    assert printed == ["App | [ERROR] Boom", "App | Traceback", "App |   File"]
    assert log.tail == b"[ERROR] Boom\nTraceback\r  File\n"


def test_lines_are_printed_with_the_time() -> None:
    printed: list[str] = []

    with_time(printed.append)("App | hello")

    assert TIME.sub("", printed[0]) == "App | hello"
    assert TIME.match(printed[0])
