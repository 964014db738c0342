"""No member of an archive is written outside the function's folders."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from lambda_emulator.environments.archive import UnreadableArchive
from lambda_emulator.environments.layout import Layout, lay_out
from lambda_emulator.functions import Function, LayerVersion

FILE, FOLDER, LINK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK
Member = tuple[str, int, str]
"""Name, type and content. The content of a link is its destination."""


def archive_of(file: Path, members: Sequence[Member], mode: int = 0o755) -> Path:
    with zipfile.ZipFile(file, "w") as opened:
        for name, kind, content in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = (kind | mode) << 16
            opened.writestr(member, content)
    return file


def lay_out_layers(folder: Path, *layers: Sequence[Member]) -> Layout:
    code = folder / "code"
    code.mkdir()
    function = Function(
        name="chat",
        logical_id="Chat",
        construct_path="Demo/Chat",
        arn="arn:aws:lambda:eu-west-1:123456789012:function:chat",
        runtime="python3.13",
        handler="app.handler",
        code=code,
        layers=tuple(
            LayerVersion(f"layer:{number}", archive_of(folder / f"layer{number}.zip", members))
            for number, members in enumerate(layers)
        ),
    )
    return lay_out(function, folder / "out" / "function")


def files_outside(folder: Path) -> set[Path]:
    """Return everything in the test's folder that is neither an input nor in the function's folders."""
    inputs = {folder / "code", folder / "elsewhere", folder / "elsewhere" / "kept"}
    found = {path for path in folder.rglob("*") if folder / "out" not in path.parents and path.suffix != ".zip"}
    in_out = {path for path in (folder / "out").iterdir() if path.name != "function"}
    return (found | in_out) - inputs - {folder / "out"}


ESCAPES: dict[str, tuple[list[list[Member]], str]] = {
    "a file in the parent": ([[("../../../x", FILE, "x")]], "../../../x"),
    "a file further in": ([[("a/../../../x", FILE, "x")]], "a/../../../x"),
    "an absolute file": ([[("{elsewhere}/x", FILE, "x")]], "{elsewhere}/x"),
    "a link in the parent": ([[("../../../x", LINK, "{elsewhere}")]], "../../../x"),
    "an absolute link": ([[("{elsewhere}/x", LINK, "kept")]], "{elsewhere}/x"),
    "a folder in the parent": ([[("../../../x/", FOLDER, "")]], "../../../x/"),
    "a link to a folder, and a file through it": ([[("a", LINK, "{elsewhere}"), ("a/b", FILE, "x")]], "a"),
    "a file through a link behind it": ([[("a/b", FILE, "x"), ("a", LINK, "{elsewhere}")]], "a"),
    "a link through a link": ([[("a", LINK, "{elsewhere}"), ("a/b", LINK, "kept")]], "a"),
    "a link, and the same name as a file": ([[("a", LINK, "{elsewhere}/new"), ("a", FILE, "x")]], "a"),
    "a relative link": ([[("a", LINK, "../../../elsewhere")]], "a"),
    "a link to the folder of the functions": ([[("a", LINK, "..")]], "a"),
    "a link through another to the parent": (
        [[("a/b/c/", FOLDER, ""), ("d", LINK, "a/b/.."), ("e", LINK, "d/../..")]],
        "e",
    ),
    "a link whose way changes": ([[("a", LINK, "z/.."), ("z", LINK, ".")]], "a"),
    "an absolute link out of Lambda's folders": ([[("a", LINK, "/opt/../etc/passwd")]], "a"),
    "a file of a later layer through a link": ([[("a", LINK, "{elsewhere}")], [("a/b", FILE, "x")]], ""),
    "a link of a later layer through a link": ([[("a", LINK, "{elsewhere}")], [("a/b", LINK, "kept")]], ""),
    "a device": ([[("a", stat.S_IFBLK, "")]], "a"),
    "a pipe": ([[("a", stat.S_IFIFO, "")]], "a"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("layers", "left_out"), ESCAPES.values(), ids=ESCAPES)
def test_member_that_leads_out_is_left_out(tmp_path: Path, layers: list[list[Member]], left_out: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("as before")

    def placed(text: str) -> str:
        return text.replace("{elsewhere}", str(elsewhere))

    layout = lay_out_layers(
        tmp_path, *([(placed(name), kind, placed(content)) for name, kind, content in layer] for layer in layers)
    )

    assert files_outside(tmp_path) == set()
    assert (elsewhere / "kept").read_text() == "as before"
    assert [member.member for member in layout.left_out][: 1 if left_out else 0] == (
        [placed(left_out)] if left_out else []
    )
    roots = (str(layout.task), str(layout.opt))
    links = [path for path in layout.opt.rglob("*") if path.is_symlink()]
    assert all(os.path.realpath(link).startswith(roots) for link in links)


def test_warning_names_archive_member_and_reason(tmp_path: Path) -> None:
    layout = lay_out_layers(tmp_path, [("../x", FILE, "x"), ("a", LINK, "/etc/passwd"), ("p", stat.S_IFIFO, "")])

    assert [str(member) for member in layout.left_out] == [
        "../x of layer0.zip is left out: its name leads out of the folder",
        "p of layer0.zip is left out: it is a device, pipe or socket",
        "a of layer0.zip is left out: it is a link to /etc/passwd, out of the folder",
    ]


def test_file_wins_over_a_link_of_the_same_archive(tmp_path: Path) -> None:
    """A file behind the link would be written through it."""
    layout = lay_out_layers(tmp_path, [("a", LINK, "b"), ("b/", FOLDER, ""), ("a/file", FILE, "x")])

    assert (layout.opt / "a" / "file").read_text() == "x"
    assert not (layout.opt / "b" / "file").exists()


@pytest.mark.parametrize(
    "destination", ["libz.so.1", "./libz.so.1", "../lib/libz.so.1", "/opt/lib/libz.so.1", "/opt/lib/../lib/libz.so.1"]
)
def test_link_inside_the_layer_is_kept(tmp_path: Path, destination: str) -> None:
    """An absolute link leads to the local folder that stands for `/opt`."""
    layout = lay_out_layers(tmp_path, [("lib/libz.so", LINK, destination), ("lib/libz.so.1", FILE, "x")])

    assert (layout.opt / "lib" / "libz.so").is_symlink()
    assert (layout.opt / "lib" / "libz.so").read_text() == "x"
    assert layout.left_out == ()


def test_link_may_lead_to_another_layer(tmp_path: Path) -> None:
    layout = lay_out_layers(tmp_path, [("a", LINK, "/opt/b")], [("b", FILE, "x")])

    assert (layout.opt / "a").read_text() == "x"


def test_folder_of_a_later_layer_replaces_a_link(tmp_path: Path) -> None:
    layout = lay_out_layers(tmp_path, [("lib/", FOLDER, ""), ("lib64", LINK, "lib")], [("lib64/x", FILE, "x")])

    assert not (layout.opt / "lib64").is_symlink()
    assert (layout.opt / "lib64" / "x").read_text() == "x"
    assert list((layout.opt / "lib").iterdir()) == []


def test_set_user_id_bit_is_not_kept(tmp_path: Path) -> None:
    with_bit = archive_of(tmp_path / "with_bit.zip", [("tool", FILE, "x")], mode=0o4755)
    function = Function("chat", "Chat", "Demo/Chat", "arn:aws:lambda:eu-west-1:1:function:chat", "", "", code=with_bit)

    task = lay_out(function, tmp_path / "out").task

    assert stat.S_IMODE((task / "tool").stat().st_mode) == 0o755


def test_member_of_another_system_has_no_type(tmp_path: Path) -> None:
    layout = lay_out_layers(tmp_path, [("a", 0, "x")])

    assert (layout.opt / "a").read_text() == "x"


def damage_content(data: bytes) -> bytes:
    return data.replace(b"content", b"CONTENT")


def encrypt(data: bytes) -> bytes:
    """Set the flag of encryption in both headers."""
    local, central = data.index(b"PK\x03\x04") + 6, data.index(b"PK\x01\x02") + 8
    return _with_short(_with_short(data, local, 1), central, 1)


def compress_by_an_unknown_method(data: bytes) -> bytes:
    local, central = data.index(b"PK\x03\x04") + 8, data.index(b"PK\x01\x02") + 10
    return _with_short(_with_short(data, local, 99), central, 99)


def _with_short(data: bytes, place: int, value: int) -> bytes:
    return data[:place] + struct.pack("<H", value) + data[place + 2 :]


def cut(data: bytes) -> bytes:
    return data[:-10]


@pytest.mark.parametrize("damage", [damage_content, encrypt, compress_by_an_unknown_method, cut])
def test_damaged_archive_is_an_error_that_names_it(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    archive = archive_of(tmp_path / "code.zip", [("a", FILE, "content")])
    archive.write_bytes(damage(archive.read_bytes()))
    function = Function("chat", "Chat", "Demo/Chat", "arn:aws:lambda:eu-west-1:1:function:chat", "", "", code=archive)

    with pytest.raises(UnreadableArchive, match=r"^code\.zip cannot be extracted: "):
        lay_out(function, tmp_path / "out")


def test_pipe_in_a_folder_is_left_out(tmp_path: Path) -> None:
    """To copy it would wait for a writer."""
    code = tmp_path / "code"
    code.mkdir()
    os.mkfifo(code / "pipe")
    function = Function("chat", "Chat", "Demo/Chat", "arn:aws:lambda:eu-west-1:1:function:chat", "", "", code=code)

    layout = lay_out(function, tmp_path / "out")

    assert list(layout.task.iterdir()) == []
    assert [str(member) for member in layout.left_out] == ["pipe of code is left out: it is a device, pipe or socket"]
