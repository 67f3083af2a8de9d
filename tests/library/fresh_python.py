"""A new Python for a program, forked from one that has imported other packages, but nothing of this one.

Begin with `fresh_python`. These imports, and the first function that numba compiles, take a second.
"""

import atexit
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SERVER = """
import json, os, sys
import numba, numpy, pandas, pyarrow.parquet, scipy.special
numba.njit(lambda x: x + 1)(1.0)
for line in sys.stdin:
    program, environment, folder, output, errors = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
for number, path in enumerate((os.devnull, output, errors)):
    os.dup2(os.open(path, os.O_RDWR), number)
os.environ.clear()
os.environ.update(environment)
os.chdir(folder)
sys.path[1:1] = environment["PYTHONPATH"].split(os.pathsep)
numba.core.config.reload_config()
exec(program, {"__name__": "__main__"})
"""
"""Runs each program that it is told of in a fork, one after the other, and says how it ended."""


@functools.cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    atexit.register(server.communicate)  # the end of its input ends it
    return server


def fresh_python(program: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What ``python -c program`` would leave in ``folder``, with PYTHONPATH and all else of ``environment``."""
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place, name) for name in ("output", "errors")]
        for stream in streams:
            stream.touch()
        server = _server()
        server.stdin.write(json.dumps([program, environment, str(folder), *map(str, streams)]) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        output, errors = (stream.read_text(encoding="utf-8") for stream in streams)
    return subprocess.CompletedProcess(["python", "-c", program], status, output, errors)
