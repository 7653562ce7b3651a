"""The import contract itself: it sees a wall crossed, a library in the wrong room and a room without a line."""

import sys
from pathlib import Path

import grimp
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.rooms import RoomsContract


def broken(*imports):
    graph = grimp.ImportGraph()
    graph.add_module("house")
    for importer, imported in imports:
        for module in (importer, imported):
            if module not in graph.modules:
                graph.add_module(module, is_squashed="." not in module)
        graph.add_import(importer=importer, imported=imported, line_number=3, line_contents="")
    options = {"root": "house", "rooms": ["tape:", "sim: tape", "cli: sim"], "libraries": ["typer: cli"]}
    contract = RoomsContract(name="x", session_options={"root_packages": ["house"]}, contract_options=options)
    return contract.check(graph, verbose=False).metadata["broken"]


def test_doors_that_are_open():
    assert broken(("house.sim.a", "house.tape.b"), ("house.sim.a", "house.sim.b"), ("house.cli", "typer")) == []


@pytest.mark.parametrize(
    ("importer", "imported", "said"),
    [
        ("house.tape.a", "house.sim.b", "house.tape.a (line 3) imports house.sim.b; tape may not"),
        ("house.cli.a", "house.tape.b", "house.cli.a (line 3) imports house.tape.b; cli may not"),
        ("house.sim.a", "typer", "house.sim.a (line 3) imports typer; sim may not"),
    ],
)
def test_a_wall_that_is_crossed_is_named(importer, imported, said):
    assert broken((importer, imported)) == [said]


def test_a_room_without_a_line_is_an_error():
    assert "attic is a room without a line in the table" in broken(("house.attic.a", "house.attic.b"))
