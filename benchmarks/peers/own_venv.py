"""Makes a peer's own virtual environment, because peers pin other versions than we do. Prints its Python.

    python benchmarks/peers/own_venv.py hftbacktest

It lies in the cache folder (TICKERML_CACHE, else the user's), and is made once.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from tickerml.tape.kernel_cache import cache_root

PEERS: Final = {
    "hftbacktest": ("hftbacktest==2.4.4",),
    "vectorbt": ("vectorbt==1.2.0",),
    "backtesting": ("backtesting==0.6.6",),
    "backtrader": ("backtrader==1.9.78.123", "pandas==3.1.1"),
}


def peer_python(name: str) -> Path:
    """The interpreter of the environment of a peer, which is made first if it is not there or not whole."""
    wanted = PEERS[name]
    folder = cache_root() / "peers" / wanted[0].replace("==", "-")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
        done.write_text(" ".join(wanted))
    return python


if __name__ == "__main__":
    print(peer_python(sys.argv[1]))
