"""Processor and glibc version that a shared object needs, by the System V ABI and the LSB's symbol versioning."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

MACHINES = {62: "x86_64", 183: "aarch64"}
_SHT_GNU_VERNEED = 0x6FFFFFFE


class SharedObject(NamedTuple):
    machine: str
    glibc: tuple[int, ...]
    """Newest version of the glibc symbols that it needs."""


def read_shared_object(path: Path) -> SharedObject:
    data = path.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", f"{path} is not a 64-bit little-endian object"
    (machine,) = struct.unpack_from("<H", data, 18)
    (sections_at,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, sections_at + size * number) for number in range(count)]
    newest: tuple[int, ...] = ()
    for _, kind, _, _, offset, _, link, entries, _, _ in sections:
        if kind == _SHT_GNU_VERNEED:
            strings = sections[link][4]
            for name in _needs(data, offset, entries, strings):
                if name.startswith("GLIBC_"):
                    newest = max(newest, tuple(int(part) for part in name[6:].split(".")))
    return SharedObject(MACHINES.get(machine, str(machine)), newest)


def _needs(data: bytes, at: int, entries: int, strings: int) -> list[str]:
    names = []
    for _ in range(entries):
        _, count, _, first, following = struct.unpack_from("<HHIII", data, at)
        aux = at + first
        for _ in range(count):
            _, _, _, name, next_aux = struct.unpack_from("<IHHII", data, aux)
            begin = strings + name
            names.append(data[begin : data.index(b"\0", begin)].decode())
            aux += next_aux
        at += following
    return names
