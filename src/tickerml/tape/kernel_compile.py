# mypy: disable-error-code="no-untyped-call, attr-defined, override, arg-type, assignment"
# numba is typed here and there, and not where it is extended
"""How kernels are compiled: each is translated once, and becomes machine code once, in the function that Python calls.

By itself numba optimises and assembles each function of a call tree together with all that it calls, again at every
level: the quoter's loop went through LLVM 140 times. Here a kernel that other kernels call (a part) stays plain IR; the
function that Python calls (a whole) takes in the parts of its call tree and is optimised, assembled and cached as one.

Importing this module keys numba's cache (tape/kernel_cache.py) before anything is compiled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any, ClassVar, Final

from tickerml.tape.kernel_cache import kernel_folder

os.environ["NUMBA_CACHE_DIR"] = str(kernel_folder())
if "numba" in sys.modules:  # imported by somebody else first: it has read the variable already, so tell it again
    sys.modules["numba"].config.CACHE_DIR = str(kernel_folder())

from llvmlite import binding as llvm
from numba import _dynfunc, types
from numba.core import compiler, event
from numba.core.caching import FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature
from numba.core.typed_passes import NativeLowering

from tickerml.tape.kernel_garbage import undisturbed
from tickerml.tape.kernel_steps import Lowering, steps, target, typing

_OPTIONS: Final[dict[str, Any]] = {
    "nopython": True,
    "boundscheck": None,
    "error_model": "numpy",
    "nogil": True,
    "_nrt": False,  # kernels make no arrays, so nobody counts references to those that they are given
}
_BARE: Final[dict[str, Any]] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def whole(function: Callable[..., Any], *, inline: bool) -> Any:
    """The dispatcher for calls from Python, with the cache on disk."""
    options = {**_OPTIONS, "no_cfunc_wrapper": True, "forceinline": inline}
    found = _WholeDispatcher(function, targetoptions=options, pipeline_class=_WholeCompiler)
    found.enable_caching()
    return found


def part(function: Callable[..., Any], *, inline: bool) -> Any:
    """The dispatcher for calls from other kernels."""
    return _PartDispatcher(
        function, targetoptions={**_OPTIONS, **_BARE, "forceinline": inline}, pipeline_class=_PartCompiler
    )


class _PartLibrary(JITCodeLibrary):
    """IR of a kernel that other kernels call. It never becomes machine code by itself."""

    def _ensure_finalized(self) -> None:
        """Numba finishes whatever is linked or asked for; a part stays as it is."""

    def _get_module_for_linking(self) -> Any:
        for one in self.get_defined_functions():
            if one.linkage == llvm.Linkage.external:
                one.linkage = "linkonce_odr"  # it may be in several wholes, and goes away where it was inlined
        return self._final_module

    def add_llvm_module(self, ll_module: Any) -> None:
        """Take IR as it is: to optimise it is the whole's business."""
        ll_module.data_layout = self._codegen._data_layout
        self._final_module.link_in(ll_module)

    def get_pointer_to_function(self, name: str) -> int:
        """There is none."""
        return 0


class _WholeLibrary(JITCodeLibrary):
    """Code of a kernel that Python calls, with all that it calls."""

    def finalize(self) -> None:
        """Link, optimise and assemble."""
        found: dict[Any, None] = {}
        waiting = self._linking_libraries
        while waiting:
            one = waiting.pop()
            if one not in found:
                found[one] = None
                waiting += one._linking_libraries if isinstance(one, _PartLibrary) else []
        # LLVM takes in only what is asked for already: callers before what they call, numba's own code last
        self._linking_libraries = sorted(found, key=lambda one: not isinstance(one, _PartLibrary))
        super().finalize()


@register_pass(mutates_CFG=True, analysis_only=False)
class _WholeLowering(Lowering):
    _name = "whole_lowering"


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(_WholeLowering):
    """Lowering that gives no address; a function object without code stands for the part in numba's tables."""

    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower, and make the part known to its callers."""
        state.flags.no_compile = True
        super().run_pass(state)
        low, library, context = state["cr"], state.library, state.targetctx
        name = low.fndesc.qualname.split(".")[-1]
        handle = _dynfunc.make_function(low.fndesc.lookup_module(), name, name, 0, low.env, (library,))
        context.insert_user_function(handle, low.fndesc, [library])
        state.reload_init.extend(library._reload_init)
        state["cr"] = low._replace(cfunc=handle)
        return True


class _Inherited(compiler.Flags):
    """What numba's own functions inherit from the kernel that calls them. It keeps their versions by these flags.

    So they are one object for all kernels, quick to compare, and without what concerns the kernel alone: `min` had been
    compiled for parts, wholes and folds apart.
    """

    __hash__ = object.__hash__
    _kept: ClassVar[dict[Any, Any]] = {}

    @classmethod
    def of(cls, flags: Any) -> Any:
        """Those of a kernel's flags."""
        made = cls(flags)
        for name in ("no_cpython_wrapper", "no_cfunc_wrapper", "no_compile", "release_gil"):
            made.discard(name)
        return cls._kept.setdefault(tuple(map(str, made.values().values())), made)

    def __eq__(self, other: object) -> bool:
        return self is other

    def copy(self) -> Any:
        """For numba to change."""
        return compiler.Flags(self)


class _Flags(compiler.Flags):
    def copy(self) -> Any:
        """Numba copies a kernel's flags for what is compiled meanwhile."""
        return _Inherited.of(self)


class _Compiler(compiler.CompilerBase):
    _library: ClassVar[Any]
    _lowering: ClassVar[Any]

    def __init__(self, typingctx: Any, targetctx: Any, *rest: Any) -> None:
        super().__init__(typing(typingctx), target(targetctx), *rest)
        self.state.flags = _Flags(self.state.flags)

    def compile_extra(self, func: Any) -> Any:
        """Compile into a library of our own."""
        self.state.library = self._library(self.state.targetctx.codegen(), func.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(func)

    def define_pipelines(self) -> list[Any]:
        """Numba's steps where there is a closure or a comprehension, else ours."""
        if not any(isinstance(one, CodeType) for one in self.state.func_id.code.co_consts):
            return [steps(self._lowering)]
        manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.passes = [(self._lowering if one is NativeLowering else one, why) for one, why in manager.passes]
        manager.finalize()
        return [manager]


class _PartCompiler(_Compiler):
    _library, _lowering = _PartLibrary, _PartLowering


class _WholeCompiler(_Compiler):
    _library, _lowering = _WholeLibrary, _WholeLowering


class _Cache(FunctionCache):
    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Machine code needs nothing of what numba can compile, which takes long to load."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


class _WholeDispatcher(CPUDispatcher):
    def enable_caching(self) -> None:
        """Keep machine code where our cache keeps it."""
        self._cache = _Cache(self.py_func)

    def compile(self, sig: Any) -> Any:
        """Compile one signature, undisturbed by the collector of garbage."""
        with undisturbed(), _unheard():
            return super().compile(sig)


class _PartDispatcher(CPUDispatcher):
    """Sees neither literals nor narrow integers: numba would compile one version for each constant that it meets."""

    def compile(self, sig: Any) -> Any:
        """Numba's own, without a cache and without its timers, each of which hears of all that LLVM does below it."""
        args, _ = normalize_signature(sig)
        if args not in self.overloads:
            told = {"dispatcher": self, "args": args, "return_type": None}
            with self._compiling_counter, event.trigger_event("numba:compile", data=told):
                self.add_overload(self._compiler.compile(args, None))
        return self.overloads[args].entry_point

    def get_call_template(self, args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        """The version for exactly these types, where there is one."""
        found, *rest = super().get_call_template(tuple(map(_wide, args)), {key: _wide(arg) for key, arg in kws.items()})
        exact = [one for one in found.cases if one.args == tuple(rest[1])]
        found.cases = exact or found.cases  # else numba weighs all versions, and warns of records that are alike
        return found, *rest


@contextmanager
def _unheard() -> Iterator[None]:
    """Numba's clocks do not hear of each step of LLVM."""
    lock = llvm.ffi.lib._lock
    hearers, lock._cblist = lock._cblist, []
    try:
        yield
    finally:
        lock._cblist = hearers


def _wide(arg: Any) -> Any:
    plain = types.unliteral(arg)
    narrow = isinstance(plain, types.Integer) and getattr(plain, "bitwidth", 64) < 64
    return types.int64 if narrow else plain
