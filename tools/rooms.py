"""The import contract of `make lint`: the table "room -> what it may import", checked on every direct import.

import-linter's own contracts list what is forbidden; here the table of the design is written as it stands, so a new
room is one line, a room that is in no line is an error, and a room that is not made yet costs nothing.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class RoomsContract(Contract):
    """`rooms`: lines "room: room, room"; `libraries`: lines "library: room, room", its only importers."""

    type_name = "rooms"

    root = fields.StringField()
    rooms = fields.ListField(subfield=fields.StringField())
    libraries = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Every direct import that crosses a wall, and every room without a line."""
        allowed, owners = _table(self.rooms), _table(self.libraries)
        root = str(self.root)
        found = {_room(module, root) for module in graph.modules if module.startswith(f"{root}.")}
        broken = [f"{room} is a room without a line in the table" for room in sorted(found - allowed.keys())]
        for importer in sorted(graph.modules):
            if not importer.startswith(f"{root}."):
                continue
            here = _room(importer, root)
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                there = _room(imported, root) if imported.startswith(f"{root}.") else None
                library = imported.split(".")[0]
                wall = there is not None and there != here and there not in allowed.get(here, set())
                foreign = there is None and library in owners and here not in owners[library]
                if wall or foreign:
                    lines = [
                        str(d["line_number"]) for d in graph.get_import_details(importer=importer, imported=imported)
                    ]
                    broken.append(f"{importer} (line {', '.join(lines)}) imports {imported}; {here} may not")
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line an import."""
        for line in check.metadata["broken"]:
            output.print_error(line)


def _table(lines: object) -> dict[str, set[str]]:
    pairs = [str(line).split(":", 1) for line in lines]  # type: ignore[attr-defined]  # a field's descriptor type
    return {name.strip(): {one.strip() for one in rest.split(",") if one.strip()} for name, rest in pairs}


def _room(module: str, root: str) -> str:
    return module[len(root) + 1 :].split(".")[0]
