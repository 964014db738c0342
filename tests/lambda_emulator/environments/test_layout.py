"""Code and layers are laid out as Lambda lays them out at `/var/task` and `/opt`."""

from __future__ import annotations

import contextlib
import stat
import zipfile
from pathlib import Path

from lambda_emulator.environments.layout import Layout, lay_out
from lambda_emulator.functions import Code, Function, InlineCode, LayerVersion


def function_of(code: Code, *layers: Path) -> Function:
    return Function(
        name="chat",
        logical_id="Chat",
        construct_path="Demo/Chat",
        arn="arn:aws:lambda:eu-west-1:123456789012:function:chat",
        runtime="python3.13",
        handler="app.handler",
        code=code,
        layers=tuple(LayerVersion(f"layer:{number}", content) for number, content in enumerate(layers)),
    )


def folder_with(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_modes_and_links_are_kept(tmp_path: Path) -> None:
    code = folder_with(tmp_path / "code", run="x", plain="y")
    (code / "run").chmod(0o755)
    (code / "link").symlink_to("plain")

    task = lay_out(function_of(code), tmp_path / "out").task

    assert stat.S_IMODE((task / "run").stat().st_mode) == 0o755
    assert (task / "link").readlink() == Path("plain")


def test_later_layers_replace_files_of_earlier_ones(tmp_path: Path) -> None:
    first = folder_with(tmp_path / "first", bin__tool="1", bin__other="1", replaced__deep="1")
    second = folder_with(tmp_path / "second", bin__tool="2", replaced="2")

    opt = lay_out(function_of(folder_with(tmp_path / "code", app="x"), first, second), tmp_path / "out").opt

    assert (opt / "bin/tool").read_text() == "2"
    assert (opt / "bin/other").read_text() == "1"
    assert (opt / "replaced").read_text() == "2"


def test_zip_keeps_modes_and_links(tmp_path: Path) -> None:
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        link = zipfile.ZipInfo("bin/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "run")
        run = zipfile.ZipInfo("bin/run")
        run.external_attr = (stat.S_IFREG | 0o755) << 16
        opened.writestr(run, "x")

    task = lay_out(function_of(archive), tmp_path / "out").task

    assert stat.S_IMODE((task / "bin/run").stat().st_mode) == 0o755
    assert (task / "bin/link").read_text() == "x"


def test_zip_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("../../escaped", "x")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, str(tmp_path))
        opened.writestr("link/through", "x")

    with contextlib.suppress(OSError):
        lay_out(function_of(archive), tmp_path / "out")

    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "through").exists()


def test_inline_code_becomes_a_file(tmp_path: Path) -> None:
    task = lay_out(function_of(InlineCode("index.py", "x = 1")), tmp_path / "out").task

    assert (task / "index.py").read_text() == "x = 1"


def test_only_paths_of_lambda_are_translated() -> None:
    layout = Layout(Path("/work/task"), Path("/work/opt"), Path("/work/runtime"))

    assert layout.translate("/opt/bootstrap") == "/work/opt/bootstrap"
    assert layout.translate("/var/task:/opt/python:/optional") == "/work/task:/work/opt/python:/optional"
    assert layout.translate("postgres://db/opt/x") == "postgres://db/opt/x"


def test_installed_sdk_is_in_the_folder_of_the_runtime(tmp_path: Path) -> None:
    """AWS's managed runtimes include it. Here boto3 is installed beside this test."""
    runtime = lay_out(function_of(InlineCode("index.py", "")), tmp_path / "out").runtime
    assert (runtime / "boto3" / "__init__.py").is_file()
    assert (runtime / "botocore" / "session.py").is_file()
    assert (runtime / "six.py").is_file()
