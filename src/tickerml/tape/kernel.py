"""The one decorator for compiled code. Importing this module keys numba's cache before anything is compiled."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from tickerml.tape.kernel_cache import kernel_folder

os.environ["NUMBA_CACHE_DIR"] = str(kernel_folder())
if "numba" in sys.modules:  # imported by somebody else first: it has read the variable already, so tell it again
    sys.modules["numba"].config.CACHE_DIR = str(kernel_folder())

from numba import njit, types

Function = TypeVar("Function", bound=Callable[..., Any])

_compile = njit(cache=True, error_model="numpy", nogil=True)
_compile_inline = njit(cache=True, error_model="numpy", nogil=True, forceinline=True)


def kernel(function: Function) -> Function:
    """Compile a function of scalars, arrays and records. No fastmath, no parallel: bits must not depend on the machine.

    A call from another kernel with a literal or a narrower integer uses the int64 version. Numba would compile one
    version for each constant that it meets (23 of one function of ours), which was a third of the cold start.
    """
    return _widened(_compile(function))


def fold(function: Function) -> Function:
    """Mark the `on_row`, `on_bar` or `on_value` of a fold: (p, s, row[, side-table record], b, f, i[, out]).

    A kernel whose machine code always becomes part of the loop that calls it: left to itself the compiler stops
    inlining after a few folds, and a call per fold and row made the whole feature set three times slower.
    """
    return _widened(_compile_inline(function))


def _widened(dispatcher: Any) -> Any:
    resolve = getattr(dispatcher, "get_call_template", None)  # absent with the JIT off: a plain function
    if resolve is not None:

        def widened(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
            return resolve(tuple(map(_wide, args)), {name: _wide(arg) for name, arg in kws.items()})

        dispatcher.get_call_template = widened
    return dispatcher  # a dispatcher stands in for the function


def _wide(arg: Any) -> Any:
    plain: Any = types.unliteral(arg)  # type: ignore[no-untyped-call]  # numba's
    narrow = isinstance(plain, types.Integer) and getattr(plain, "bitwidth", 64) < 64
    return types.int64 if narrow else plain
