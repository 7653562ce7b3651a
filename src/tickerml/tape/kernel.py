"""The one decorator for compiled code. Neither numba nor its cache is touched before a kernel is first called."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any, Final, TypeVar

from tickerml.tape.kernel_garbage import undisturbed

Function = TypeVar("Function", bound=Callable[..., Any])
_INTERPRETED: Final = os.environ.get("NUMBA_DISABLE_JIT", "0") not in {"", "0"}


class Kernel:
    """A function that is compiled, or found in the cache, when Python first calls it, and part of kernels that call it.

    To numba it is a dispatcher like its own (`_numba_type_`); see tape/kernel_compile.py for what the two doors do.
    """

    def __init__(self, function: Callable[..., Any], *, inline: bool) -> None:
        """`inline`: its machine code always becomes part of its caller's."""
        self.py_func, self._inline = function, inline
        self._part: Any = None
        self._call: Callable[..., Any] = self._first
        update_wrapper(self, function)

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run the compiled code for arguments of these types."""
        return self._call(*args, **named)

    def _first(self, *args: Any, **named: Any) -> Any:
        with undisturbed():
            from tickerml.tape.kernel_compile import whole

            self._call = whole(self.py_func, inline=self._inline)
        return self._call(*args, **named)

    def again(self, args: tuple[Any, ...]) -> Callable[[], Any]:
        """What has just run with these arguments, with them; where it has several versions numba chooses each time."""
        versions = list(self._call.overloads.values())  # type: ignore[attr-defined]  # compiled: it has run
        return partial(versions[0].entry_point if len(versions) == 1 else self._call, *args)

    @property
    def _numba_type_(self) -> Any:
        """How numba finds the part behind a name that it meets in another kernel."""
        if self._part is None:
            from tickerml.tape.kernel_compile import part

            self._part = part(self.py_func, inline=self._inline)
        return self._part._numba_type_


def kernel(function: Function) -> Function:
    """Compile a function of scalars, arrays and records; it makes no arrays, its caller hands them in.

    No fastmath, no parallel: the bits are the same everywhere.
    """
    return function if _INTERPRETED else Kernel(function, inline=False)  # type: ignore[return-value]  # called alike


def again(function: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[], Any]:
    """A kernel that has just run with these arguments, for more calls with them: numba does not ask for types again.

    Of forty arrays that takes ten times as long as to hand them over.
    """
    return function.again(args) if isinstance(function, Kernel) else partial(function, *args)


def fold(function: Function) -> Function:
    """Mark the `on_row`, `on_bar` or `on_value` of a fold: (p, s, row[, side-table record], b, f, i[, out]).

    A kernel whose machine code always becomes part of the loop that calls it: left to itself the compiler stops
    inlining after a few folds, and a call per fold and row made the whole feature set three times slower.
    """
    return function if _INTERPRETED else Kernel(function, inline=True)  # type: ignore[return-value]  # called alike
