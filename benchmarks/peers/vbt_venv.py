"""Makes the peer's own virtual environment: vectorbt brings its own numpy and numba. Prints its Python.

    python benchmarks/peers/vbt_venv.py

It lies in the cache folder (TICKERML_CACHE, else the user's), and is made once.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from tickerml.tape.kernel_cache import cache_root

PEER = "vectorbt==1.2.0"


def peer_python() -> Path:
    """The interpreter of the environment, which is made first if it is not there or not whole."""
    folder = cache_root() / "peers" / PEER.replace("==", "-")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", PEER], check=True)
        done.write_text(PEER)
    return python


if __name__ == "__main__":
    print(peer_python())
