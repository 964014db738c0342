"""`sys.path`, set up for the handler as AWS's own runtime does.

In front, in this order: the task root; then, unless the user set PYTHONPATH, the site-packages of layers, the layers'
`python` folder, and AWS's runtime folder, which has boto3 on older images (AWS, "Packaging your layer content", and the
start of the managed image). `.pth` files in these folders are read.

The user's folders stand before the standard library, as under AWS's runtime. So the runtime imports its modules before
`restore`, and later ones with `import_standard`. AWS's runtime has imported some modules before the user's code runs;
`StandardModules` gives the user's code the standard ones here too.
"""

from __future__ import annotations

import os.path
import sys
from _frozen_importlib_external import PathFinder  # Part of importlib, loaded in every process.
from _thread import get_ident

from lambda_streaming.process import settings as environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from lambda_streaming.process.settings import Settings


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
    """Import a module of the standard library, even if the user's folder has a module of the same name.

    A handler folder with a `queue.py` must not break the runtime's own late imports (asyncio, traceback). `sys.path`
    stays as it is: other threads of the handler import from it meanwhile.
    """
    if name not in sys.modules:
        finder = _StandardOfThread()
        # Behind the finders of tools, which watch imports.
        sys.meta_path.insert(_place_of_path_finder(), finder)
        try:
            __import__(name)
        finally:
            sys.meta_path.remove(finder)
    return sys.modules[name]


def _place_of_path_finder() -> int:
    return sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)


class _StandardOfThread:
    """A finder on `sys.meta_path`: this thread imports from the standard library only, other threads as ever."""

    def __init__(self) -> None:
        self._thread = get_ident()

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        # A module of a package is found on the package's own path.
        if path is not None or get_ident() != self._thread:
            return None
        spec = PathFinder.find_spec(name, _STANDARD_PATH)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r} in the standard library", name=name)
        return spec


def prefer_standard_modules(then: dict[str, Callable[[], None]]) -> None:
    """Find some modules in the standard library only; call the function of each once it is imported.

    `json` and `traceback` are among them: AWS's runtime imports both before the user's code, so a `json.py` of the user
    never replaces `json` there.
    """
    modules = StandardModules({"json": _nothing, "traceback": _nothing, **then})
    sys.meta_path.insert(0, modules)
    for name in ("json", "traceback", *then):
        if name in sys.modules:
            modules.on_imported(name)  # Python's own start, or a `.pth` file, has imported it already.


def _nothing() -> None:
    pass


class StandardModules:
    """A finder on `sys.meta_path` for modules of the standard library; it reports when one is imported.

    An imported module leaves the list, and the finder leaves `sys.meta_path` with the last one.
    """

    def __init__(self, then: dict[str, Callable[[], None]]) -> None:
        """`then` maps names to functions, each called when its module is imported, before the importer goes on."""
        self._then = then

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self._then:
            return None
        spec = PathFinder.find_spec(name, _STANDARD_PATH)
        if spec is not None and spec.loader is not None:
            spec.loader = _CallbackLoader(spec.loader, lambda: self.on_imported(name))  # type: ignore[assignment]
        return spec

    def on_imported(self, name: str) -> None:
        then = self._then.pop(name, None)
        if not self._then and self in sys.meta_path:
            sys.meta_path.remove(self)
        if then is not None:
            then()


class _CallbackLoader:
    """Stands in for a module's loader until the module is executed."""

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
    """Return the `python` folder of the layers: the parent of this package, unless it is installed elsewhere."""
    packages = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return packages if os.path.exists(os.path.join(os.path.dirname(packages), "bootstrap")) else "/opt/python"


# Copied at import, before any folder of the user is on the path.
_STANDARD_PATH = tuple(sys.path)


def _has_pth_files(folder: str) -> bool:
    try:
        return any(name.endswith(".pth") for name in os.listdir(folder))
    except OSError:
        return False
