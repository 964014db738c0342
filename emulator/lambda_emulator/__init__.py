"""Local AWS Lambda whose responses stream. `emulator` shows the use from Python."""

from .assembly.assembly import AssemblyError
from .emulator import Emulator, EmulatorThread
from .http_server import PortTaken

__all__ = ["AssemblyError", "Emulator", "EmulatorThread", "PortTaken"]
