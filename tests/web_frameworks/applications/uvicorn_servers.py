"""Program: uvicorn, with one server for each application that the arguments name. It ends with its standard input.

The first line of the output has the ports, in the order of the arguments.
"""

import os
import socket
import sys
import threading

import uvicorn

ports = []
for module in sys.argv[1:]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(f"{module}:app", log_level="warning"))
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    ports.append(listener.getsockname()[1])
print(*ports, flush=True)
sys.stdin.read()
os._exit(0)
