# mypy: disable-error-code="no-untyped-call, attr-defined, override, misc, method-assign"
# numba is typed here and there, and not where it is extended
"""The steps in which a kernel is compiled: numba's own, without what plain functions of numbers and records never need.

Numba's steps expect closures, generators, `with` blocks and references to count, and after each of them it computes
which variable lives where, which only those need. Two contexts remember what numba looks up again each time.
"""

from __future__ import annotations

import operator
import sys
from functools import cache, partial
from types import BuiltinFunctionType
from typing import Any, Final

from numba import types
from numba.core import base, errors, interpreter, ir, lowering, rewrites, ssa, transforms, typed_passes, untyped_passes
from numba.core.compiler_machinery import PassManager
from numba.core.cpu import CPUContext
from numba.core.ir_utils import build_definitions
from numba.core.typing import Context

_PLAIN: Final = (types.Integer, types.Float, types.Boolean, types.Array, types.Record, types.UniTuple)
_OPERATORS: Final = (types.Function, BuiltinFunctionType)
_ARITHMETIC: Final = {
    operator.add,
    operator.sub,
    operator.mul,
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.and_,
    operator.or_,
    operator.xor,
    operator.iand,
    operator.ior,
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
}
_KNOWN: Final[dict[Any, Any]] = {}
_LOWERED: Final[dict[Any, Any]] = {}
_RESOLVED: Final[dict[Any, Any]] = {}
_UNUSED: Final = {"peep_hole_delete_with_exit", "peep_hole_fuse_dict_add_updates"}
_OF_LONG_CALLS: Final = {"peep_hole_list_to_tuple", "peep_hole_call_function_ex_to_call_function_kw"}

base._has_loc = cache(base._has_loc)  # numba reads the signature of a rule each time it applies it


class Steps(PassManager):
    """A chain of steps, run without numba's events and without its bookkeeping between them."""

    def run(self, state: Any) -> None:
        """Compile `state`."""
        for step, name in self.passes:
            try:
                step(state)
            except errors.NumbaError as error:
                raise self._patch_error(f"Failed at {name} of {state.func_id.func_qualname}", error) from None


class _Interpreter(interpreter.Interpreter):
    unused = _UNUSED

    def post_process(self, peepholes: Any, func_ir: Any) -> Any:
        """Numba's own, without the peepholes that no kernel needs."""
        return super().post_process([one for one in peepholes if one.__name__ not in self.unused], func_ir)


def _translate(state: Any) -> None:
    """Bytecode to numba's IR. Python hands over more than thirty arguments of a call as a list."""
    reader = _Interpreter(state.func_id)
    if not any(inst.opname == "CALL_FUNCTION_EX" for inst in state.bc):
        reader.unused = _UNUSED | _OF_LONG_CALLS
    state.func_ir = reader.interpret(state.bc)
    state.nargs = state.func_ir.arg_count
    state.func_ir.blocks = transforms.canonicalize_cfg(state.func_ir.blocks)


def _prune(state: Any) -> None:
    """Drop what constants never lead to."""
    untyped_passes.dead_branch_prune(state.func_ir, state.args)


def _rewrite(state: Any) -> None:
    """Constant subscripts to those that are typed by value, and so on."""
    blocks = state.func_ir.blocks
    for make in rewrites.rewrite_registry.rewrites["before-inference"]:
        one = make(state)
        waiting = list(blocks.items())
        while waiting:
            key, block = waiting.pop()
            if one.match(state.func_ir, block, state.typemap, state.calltypes):
                blocks[key] = one.apply()
                waiting.append((key, blocks[key]))


def _one_assignment(state: Any) -> None:
    """A name for each assignment of a variable, so that each has a type of its own."""
    state.func_ir = ssa.reconstruct_ssa(state.func_ir)
    state.func_ir._definitions = build_definitions(state.func_ir.blocks)


def _strip_phis(state: Any) -> None:
    """Assignments at the ends of blocks for what comes from several."""
    state.func_ir = typed_passes.PreLowerStripPhis()._strip_phi_nodes(state.func_ir)
    state.func_ir._definitions = build_definitions(state.func_ir.blocks)


class Lower(lowering.Lower):
    """Lowering of variables that need no end: nobody counts references, and no debugger asks for names."""

    def __init__(self, context: Any, *rest: Any, **named: Any) -> None:
        super().__init__(context, *rest, **named)
        self.context.typing_context = _lowered(self.context.typing_context)

    def lower_block(self, block: Any) -> None:
        """Lower the statements of a block; an error says at which."""
        self.pre_block(block)
        for inst in block.body:
            self.loc = inst.loc
            try:
                self.lower_inst(inst)
            except Exception as error:
                with errors.new_error_context('lowering "{inst}" at {loc}', inst=inst, loc=self.loc):
                    raise error
        self.post_block(block)

    def lower_inst(self, inst: Any) -> None:
        """Lower a statement."""
        if isinstance(inst, ir.Assign):
            name = inst.target.name
            self.storevar(self.lower_assign(self.typeof(name), inst), name)
        else:
            super().lower_inst(inst)

    def storevar(self, value: Any, name: str, argidx: Any = None) -> None:
        """Keep a variable's value: in a register when it is written once and read in the same block."""
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
            return
        self._alloca_var(name, self.typeof(name))
        self.builder.store(value, self.getvar(name))

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:
        """Room for a variable."""
        return lowering.cgutils.alloca_once(self.builder, lltype, name=name, zfill=False)


class Lowering(typed_passes.NativeLowering):
    """Numba's IR to LLVM's."""

    @property
    def lowering_class(self) -> Any:
        """What lowers statements."""
        return Lower


class _Operator(types.Function):
    """An operator whose signatures are remembered: lowering asks for each a second time."""

    @classmethod
    def of(cls, inner: Any) -> Any:
        """The same type, with its state; numba's types are made once, so not by calling the class."""
        made = object.__new__(cls)
        made.__dict__ = inner.__dict__
        return made

    def get_call_type(self, context: Any, args: Any, kws: Any) -> Any:
        """The signature for these arguments."""
        found = _LOWERED.get((self.typing_key, args))
        if found is None:
            found = _LOWERED[self.typing_key, args] = super().get_call_type(context, args, kws)
        return found


class _Lowered(Context):
    """Numba's typing context, with its state, as lowering sees it."""

    def __init__(self, inner: Any) -> None:
        self.__dict__ = inner.__dict__

    def resolve_value_type(self, val: Any) -> Any:
        """The type of a function or constant."""
        found = _RESOLVED.get(val) if isinstance(val, BuiltinFunctionType) else None
        if found is None:
            found = super().resolve_value_type(val)
            if isinstance(val, BuiltinFunctionType) and type(found) is types.Function:
                found = _RESOLVED[val] = _Operator.of(found)
        return found


class Typing(Context):
    """Numba's typing context, with its state, that remembers what an operator gives: it tries 15 rules each time."""

    def __init__(self, inner: Any) -> None:
        self.__dict__ = inner.__dict__
        self.refresh = partial(_refresh, self, super().refresh)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """The signature of `func` for these arguments."""
        if kws or not isinstance(func, _OPERATORS) or not all(isinstance(one, _PLAIN) for one in args):
            return super().resolve_function_type(func, args, kws)
        if func in _ARITHMETIC:
            args = tuple(map(types.unliteral, args))  # what a number gives does not depend on which it is
        found = _KNOWN.get((func, args))
        if found is None:
            found = _KNOWN[func, args] = super().resolve_function_type(func, args, kws)
        return found


class Target(CPUContext):
    """Numba's target, with its state, that looks for new declarations only where there are some."""

    def __init__(self, inner: Any) -> None:
        self.__dict__ = inner.__dict__
        self.refresh = partial(_refresh, self, super().refresh)


def _refresh(context: Any, refresh: Any) -> None:
    """Take in new declarations: modules declare what they bring, intrinsics themselves when they are first typed."""
    if context.__dict__.get("_declared") != _declared(context):
        refresh()
        context.__dict__["_declared"] = _declared(context)


def _declared(context: Any) -> tuple[int, int]:
    lists = (getattr(one, kind) for one, loader in context._registries.items() for kind in loader.registry_items)
    return len(sys.modules), sum(map(len, lists))


typing = cache(Typing)
target = cache(Target)
_lowered = cache(_Lowered)


def steps(lowering: Any) -> Steps:
    """The steps for a kernel without closures; `lowering` is the pass that makes LLVM's IR of numba's."""
    made = Steps("kernel")
    made.passes = [
        (_translate, "translation"),
        (_prune, "pruning"),
        (_rewrite, "rewrites"),
        (untyped_passes.RewriteDynamicRaises().run_pass, "raises"),
        (_one_assignment, "single assignment"),
        (_prune, "pruning"),
        (typed_passes.NopythonTypeInference().run_pass, "type inference"),
        (_strip_phis, "phis"),
        (lowering().run_pass, "lowering"),
        (typed_passes.NoPythonBackend().run_pass, "result"),
    ]
    return made
