"""A local AWS Lambda whose responses really stream: see `emulator` for its use from Python."""

from .assembly import AssemblyError
from .emulator import Emulator, EmulatorThread
from .http_server import PortTaken

__all__ = ["AssemblyError", "Emulator", "EmulatorThread", "PortTaken"]
