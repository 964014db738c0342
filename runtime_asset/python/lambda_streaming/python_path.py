"""`sys.path` as AWS's own runtime leaves it for the handler, whichever runtime runs.

In front, in this order: the task root; then, unless the user set PYTHONPATH, the site-packages of layers, the layers'
`python` folder, and AWS's runtime folder, where boto3 lives on older images (reference: AWS, "Packaging your layer
content", and the managed image's own start). Site folders get their `.pth` files read.

The user's folders stand before the standard library, as under AWS's runtime. So the runtime imports what it needs
before `restore`, and what it imports late, with `import_standard`. Some of that AWS's runtime has imported before the
user's code runs: `StandardModules` finds it as if we had, too.
"""

from __future__ import annotations

import os.path
import sys

from lambda_streaming import settings as environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from lambda_streaming.settings import Settings


def restore(settings: Settings) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    layers = _layers_folder()
    layer_site_packages = os.path.join(layers, "lib", f"python{version}", "site-packages")
    if settings.python_path_is_set:
        front, sites = [settings.task_root], [settings.task_root]
    else:
        front = [settings.task_root, layer_site_packages, layers, settings.runtime_dir]
        sites = front[:3]
        environment.publish_python_path(settings.runtime_dir)
    sys.path[:] = front + [entry for entry in sys.path if entry not in front]
    for folder in sites:
        if _has_pth_files(folder):
            import site

            site.addsitedir(folder)


def import_standard(name: str) -> ModuleType:
    """Import a module of the standard library, though the user's folder may hold one of its name.

    A handler folder with a `queue.py` must not break the runtime's own late imports (asyncio, traceback).
    """
    if name in sys.modules:
        return sys.modules[name]
    shadowing = sys.path[:]
    sys.path[:] = [entry for entry in _STANDARD_PATH if entry in shadowing]
    try:
        __import__(name)
    finally:
        sys.path[:] = shadowing
    return sys.modules[name]


def keep_standard(then: dict[str, Callable[[], None]]) -> None:
    """Let some modules be found in the standard library alone, and call the function of each when it has been imported.

    Those that the runtime imports late are among them, and are there under AWS's runtime before the user's: a `json.py`
    of the user's is nobody's `json`.
    """
    modules = StandardModules({"json": _nothing, "traceback": _nothing, **then})
    sys.meta_path.insert(0, modules)
    for name in ("json", "traceback", *then):
        if name in sys.modules:
            modules.has_come(name)  # Python's own start, or a `.pth` file, was first.


def _nothing() -> None:
    pass


class StandardModules:
    """A finder on `sys.meta_path`: its modules come from the standard library alone, and it says when one has come.

    A module is taken off when it is imported, and the finder with its last one: from then on nothing is in the way.
    """

    def __init__(self, then: dict[str, Callable[[], None]]) -> None:
        """`then`: the names, and what to call when one has been imported, before its importer goes on."""
        self._then = then

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self._then:
            return None
        from _frozen_importlib_external import PathFinder  # What importlib is made of, in every process.

        spec = PathFinder.find_spec(name, _STANDARD_PATH)
        if spec is not None and spec.loader is not None:
            spec.loader = _Announcing(spec.loader, lambda: self.has_come(name))  # type: ignore[assignment]
        return spec

    def has_come(self, name: str) -> None:
        then = self._then.pop(name, None)
        if not self._then and self in sys.meta_path:
            sys.meta_path.remove(self)
        if then is not None:
            then()


class _Announcing:
    """A module's loader until the module is executed; then the module has its own again."""

    def __init__(self, loader: Any, then: Callable[[], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._then()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _layers_folder() -> str:
    """The `python` folder of the layers: where this package lies, unless it is installed among other packages."""
    packages = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return packages if os.path.exists(os.path.join(os.path.dirname(packages), "bootstrap")) else "/opt/python"


# Taken when this module is imported, before any folder of the user's is on the path.
_STANDARD_PATH = tuple(sys.path)


def _has_pth_files(folder: str) -> bool:
    try:
        return any(name.endswith(".pth") for name in os.listdir(folder))
    except OSError:
        return False
