"""Program: gunicorn, with one server for all applications that the arguments name. It ends with its standard input.

The header `x-application` of a request names the application. The first line of the output has the port.
"""

import os
import socket
import sys
import threading
from importlib import import_module

from gunicorn.app.base import BaseApplication

listener = socket.create_server(("127.0.0.1", 0))
listener.set_inheritable(True)


class Server(BaseApplication):
    def load_config(self):
        self.cfg.set("bind", f"fd://{listener.fileno()}")
        self.cfg.set("loglevel", "warning")
        self.cfg.set("preload_app", True)

    def load(self):
        applications = {module: import_module(module).app for module in sys.argv[1:]}
        return lambda environ, start_response: applications[environ["HTTP_X_APPLICATION"]](environ, start_response)


def end_with_input():
    sys.stdin.read()
    os._exit(0)


print(listener.getsockname()[1], flush=True)
threading.Thread(target=end_with_input, daemon=True).start()
Server().run()
