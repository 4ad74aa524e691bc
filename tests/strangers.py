"""Workers of other versions of gradsuite: packages of that name with nothing but a worker that speaks its protocol."""

from pathlib import Path

# As before there were numbers: frames, and a greeting that is answered by the process's number alone.
FRAMES = """
import json, os, struct

HEADER = struct.Struct("!16sQI")
MORE = {}

def taken(count):
    content = b""
    while len(content) < count:
        piece = os.read(0, count - len(content))
        if not piece:
            raise SystemExit
        content += piece
    return content

while True:
    secret, number, length = HEADER.unpack(taken(HEADER.size))
    request = json.loads(taken(length))
    reply = json.dumps({"status": "ok", "pid": os.getpid(), **MORE}).encode()
    os.write(1, HEADER.pack(secret, number, len(reply)) + reply)
"""
NEWER = FRAMES.replace("MORE = {}", 'MORE = {"protocol": 1000, "gradsuite": "9.0.0"}')
# As it was before frames: lines of JSON, read in a thread that ends where it comes to what is no text.
LINES = """
import json, sys, threading
from queue import SimpleQueue

requests = SimpleQueue()

def listen():
    for line in sys.stdin:
        requests.put(line)

threading.Thread(target=listen, daemon=True).start()
json.loads(requests.get())
"""
OTHERWISE = """
print("ready for anything", flush=True)
input()
"""


def install(folder: Path, worker: str) -> None:
    """Install one in a folder, as version 0.0.9."""
    package = folder / "gradsuite"
    (package / "worker").mkdir(parents=True)
    (package / "__init__.py").write_text('__version__ = "0.0.9"\n')
    (package / "worker" / "__init__.py").touch()
    (package / "worker" / "start.py").write_text(worker)
