"""A folder that may be read and not written, also where the tests run as root."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION_3, DAC_OVERRIDE = 0x20080522, 1 << 1  # linux/capability.h


def _may_override(wanted: bool) -> None:
    """Take root's right to write everywhere from this thread, or give it back."""
    libc = ctypes.CDLL(None, use_errno=True)
    head, data = (ctypes.c_uint32 * 2)(VERSION_3, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(head, data):
        raise OSError(ctypes.get_errno(), "capget")
    data[0] = data[0] | DAC_OVERRIDE & data[1] if wanted else data[0] & ~DAC_OVERRIDE
    if libc.capset(head, data):
        raise OSError(ctypes.get_errno(), "capset")


@contextmanager
def read_only_folder(*contents: Path) -> Iterator[Path]:
    """A folder with copies of these files and folders that this process may not write."""
    if sys.platform == "win32":
        pytest.skip("folders have no such permission here")
    is_root = os.geteuid() == 0
    if is_root and sys.platform != "linux":
        pytest.skip("root may write everywhere")
    folder = Path(tempfile.mkdtemp(prefix="tickerml-read-only-"))
    for path in contents:
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    if is_root:
        _may_override(False)
    try:
        yield folder
    finally:
        if is_root:
            _may_override(True)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        shutil.rmtree(folder)
