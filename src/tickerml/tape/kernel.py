"""The one decorator for compiled code. Importing this module keys numba's cache before anything is compiled."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, TypeVar

from tickerml.tape.kernel_cache import kernel_folder

os.environ["NUMBA_CACHE_DIR"] = str(kernel_folder())
if "numba" in sys.modules:  # imported by somebody else first: it has read the variable already, so tell it again
    sys.modules["numba"].config.CACHE_DIR = str(kernel_folder())

from numba import njit, types

Function = TypeVar("Function", bound=Callable[..., Any])
_OPTIONS: Final[dict[str, Any]] = {"cache": True, "error_model": "numpy", "nogil": True}
_BARE: Final[dict[str, Any]] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Function) -> Function:
    """Compile a function of scalars, arrays and records. No fastmath, no parallel: the bits are the same everywhere."""
    return _two_doors(function, {})


def fold(function: Function) -> Function:
    """Mark the `on_row`, `on_bar` or `on_value` of a fold: (p, s, row[, side-table record], b, f, i[, out]).

    A kernel whose machine code always becomes part of the loop that calls it: left to itself the compiler stops
    inlining after a few folds, and a call per fold and row made the whole feature set three times slower.
    """
    return _two_doors(function, {"forceinline": True})


def _two_doors(function: Any, options: dict[str, Any]) -> Any:
    """A dispatcher for calls from Python, which sends calls from other kernels to a second one behind it.

    The second one has no wrapper for Python, which is a quarter of the compile time of all kernels, and sees neither
    literals nor narrow integers: numba would compile one version for each constant that it meets.
    """
    front: Any = njit(**_OPTIONS, **options)(function)
    if not hasattr(front, "get_call_template"):
        return front  # the JIT is off: a plain function
    name = f"{function.__qualname__}-bare"  # its own entry in the cache
    twin = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    twin.__qualname__, twin.__module__ = name, function.__module__
    back: Any = njit(**_OPTIONS, **_BARE, **options)(twin)
    resolve = back.get_call_template

    def template(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        found, *rest = resolve(tuple(map(_wide, args)), {key: _wide(arg) for key, arg in kws.items()})
        exact = [one for one in found.cases if one.args == tuple(rest[1])]
        found.cases = exact or found.cases  # else numba weighs all versions, and warns of records that are alike
        return found, *rest

    front.get_call_template, front.get_overload = template, back.get_overload
    front.compile, back.compile = _without_gc(front.compile), _without_gc(back.compile)
    return front


def _without_gc(compile_: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Compiling makes millions of small objects that all live on: looking for garbage among them costs a quarter."""

    def quiet(signature: Any) -> Any:
        if not gc.isenabled():
            return compile_(signature)
        gc.disable()
        try:
            return compile_(signature)
        finally:
            gc.enable()

    return quiet


def _wide(arg: Any) -> Any:
    plain: Any = types.unliteral(arg)  # type: ignore[no-untyped-call]  # numba's
    narrow = isinstance(plain, types.Integer) and getattr(plain, "bitwidth", 64) < 64
    return types.int64 if narrow else plain
