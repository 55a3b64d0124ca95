"""Who may import whom: folder by folder, from the bottom of the house to its commands."""

import importlib
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from tests.house import IMPORTS, imported, imported_by, modules, rooms

CORE = ["numerics", "boxes", "default_boxes", "coder", "matcher", "scores", "loss", "detect"]
COMMANDS = ["weights", "predict", "evaluate", "train", "export", "check", "audit"]
# Each room may import what stands in the lines before it, and itself.
FLOORS = [["errors", "boxes_px"], ["system", "config"], *([name] for name in CORE), ["network"], ["model"]]
FLOORS += [
    ["drawing", "optimizer", "metrics", "data", "cli"],
    ["datasets"],
    ["weights"],
    ["predict"],
    ["evaluate"],
    ["callbacks", "train", "export", "check", "audit"],
    ["__main__"],
]
# What a room does not import although it stands above it.
APART = {
    **{name: {"errors", "boxes_px", "system", "network"} for name in CORE},
    "data": {"model", "network", "matplotlib", "rich"},
    "metrics": {"tensorflow", "keras", "system", "network", "model", *CORE},
    "optimizer": {"loss", "model", "network"},
}
# torch and JAX are no dependencies: these import them when a .pth file is read, or in the process that audits them.
MAY_IMPORT_TORCH = ("weights.files", "audit.asking.")
TORCH = {"torch", "torchvision", "jax", "reference_torch", "parity_tests"}
HEAVY = {"tensorflow", "keras", "numpy", "PIL", "torch"}


def test_every_room_stands_on_a_floor():
    assert rooms(set(IMPORTS)) == {room for floor in FLOORS for room in floor}


@pytest.mark.parametrize("room", [room for floor in FLOORS for room in floor])
def test_rooms_import_only_what_lies_below(room):
    level = next(number for number, floor in enumerate(FLOORS) if room in floor)
    below = {other for floor in FLOORS[:level] for other in floor} | {"tf_ssd", room}
    found = imported_by(room)
    assert not found & rooms(set(IMPORTS)) - below
    assert not found & APART.get(room, set())


def test_no_module_is_imported_in_a_circle_and_nobody_imports_a_command():
    """But a folder its own, when its `main` is called."""
    inside = {
        name: {other for other in names & set(IMPORTS) if other not in (name, f"{name}.__main__")}
        for name, names in IMPORTS.items()
    }
    assert set(TopologicalSorter(inside).static_order()) == set(IMPORTS)
    assert not {name for names in inside.values() for name in names if name.endswith("__main__")}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_has_the_main_of_its_command(command, capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        importlib.import_module(f"tf_ssd.{command}").main(["--help"])
    assert "usage:" in capsys.readouterr().out


def test_production_never_imports_torch():
    found = {name for name, names in IMPORTS.items() if rooms(names) & TORCH and not name.startswith(MAY_IMPORT_TORCH)}
    assert not found


def test_the_reader_of_pth_files_imports_torch_only_when_it_reads_one():
    code = "import sys, tf_ssd.weights.files; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_reference_imports_torch_and_the_standard_library_only():
    found = rooms(set().union(*map(imported, modules("reference_torch").values())))
    assert found <= {"torch", "numpy", "reference_torch"} | set(sys.stdlib_module_names)


def test_the_reference_is_small():
    assert sum(len(path.read_text().splitlines()) for path in modules("reference_torch").values()) <= 800


def test_the_settings_of_commands_load_nothing_heavy():
    """So that --help answers at once."""
    imports = ", ".join(f"tf_ssd.{command}.__main__" for command in COMMANDS)
    code = f"import sys, {imports}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_importing_tensorflow_first_is_a_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    for name in ("torchvision", "parity_tests"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ImportError, match="TensorFlow was imported before torchvision"):
        importlib.import_module("parity_tests")
