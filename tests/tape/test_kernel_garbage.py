"""When Python's collector of garbage may look: never while what must not wait is run, and again behind it."""

from __future__ import annotations

import gc

import pytest

from tickerml.tape.kernel_garbage import later, undisturbed


@pytest.fixture(autouse=True)
def collecting():
    before = gc.isenabled()
    gc.enable()
    yield
    gc.enable() if before else gc.disable()


def test_garbage_is_looked_for_afterwards():
    with later():
        assert not gc.isenabled()
        with later():
            assert not gc.isenabled()
        assert not gc.isenabled()  # the inner one has not ended the outer
    assert gc.isenabled()


def test_a_fault_leaves_the_collector_as_it_was():
    with pytest.raises(ValueError, match="fault"), later():
        raise ValueError("fault")
    assert gc.isenabled()


def test_who_has_turned_it_off_keeps_it_off():
    gc.disable()
    with later():
        pass
    assert not gc.isenabled()


def test_what_is_compiled_meanwhile_is_put_out_of_sight_all_the_same():
    gc.unfreeze()
    with later(), undisturbed():
        made = [[] for _ in range(1000)]
    assert gc.get_freeze_count() >= len(made)
    gc.unfreeze()
    gc.disable()
    with undisturbed():
        pass
    assert not gc.isenabled()
    assert gc.get_freeze_count() == 0  # who has turned it off decides alone
