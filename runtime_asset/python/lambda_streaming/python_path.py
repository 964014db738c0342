"""`sys.path` as AWS's own runtime leaves it for the handler, whichever runtime runs.

In front, in this order: the task root; then, unless the user set PYTHONPATH, the site-packages of layers, the layers'
`python` folder, and AWS's runtime folder, where boto3 lives on older images (reference: AWS, "Packaging your layer
content", and the managed image's own start). Site folders get their `.pth` files read.

The user's folders stand before the standard library, as under AWS's runtime. So the runtime imports what it needs
before `restore`, and what it imports late, with `standard_library_first`.
"""

from __future__ import annotations

import os.path
import sys

from lambda_streaming import settings as environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from lambda_streaming.settings import Settings


def restore(settings: Settings) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    layers = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
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


# Taken when this module is imported, before any folder of the user's is on the path.
_STANDARD_PATH = tuple(sys.path)


def _has_pth_files(folder: str) -> bool:
    try:
        return any(name.endswith(".pth") for name in os.listdir(folder))
    except OSError:
        return False
