"""Who may import whom: the rules that keep the two implementations apart and the modules in layers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each module may import those before it; the entry points come last, and nothing imports them.
LAYERS = [
    {"errors", "files", "quiet", "stopping"},
    {"config.rules"},
    {"config.network", "config.augment", "config.data", "config.weights"},
    {"config.recipes"},
    {"config.train", "config.evaluate", "config.check", "config.predict", "config.audit", "config.export"},
    {"config"},
    {"pooling", "precision", "tensors", "winograd"},
    {"boxes", "draw", "layers", "video"},
    {"metrics.images", "metrics.scores"},
    {"metrics.voc", "metrics.coco", "curves", "score_tables"},
    {"metrics"},
    {"default_boxes", "coder"},
    {"matcher"},
    {"loss", "detect"},
    {"model"},
    {"weights.files", "weights.tables"},
    {"weights.checks"},
    {"weights.published", "weights.saved"},
    {"weights"},
    {"data.records", "data.orientation", "data.jpeg"},
    {"data.decode"},
    {"data.notes", "data.compact", "data.classes", "data.ground_truth", "data.paths"},
    {"data.lazy", "data.joined", "data.voc_xml", "data.coco_json", "data.csv_rows"},
    {"data.augment.example", "data.augment.windows", "data.augment.photometric", "data.augment.geometry", "data.augment.source"},
    {"data.augment.render"},
    {"data.augment"},
    {"data.closing", "data.loader", "data.order"},
    {"data.synthetic", "data.voc", "data.coco", "data.csv", "data.generator"},
    {"data.sources", "data.sequence", "data.subset", "data.fingerprint"},
    {"data.doctor.findings"},
    {"data.doctor.survey"},
    {"data.doctor.compare", "data.doctor.coverage", "data.doctor.sheet"},
    {"data.doctor.fit"},
    {"data.doctor.presets"},
    {"data.doctor.result", "data.doctor.plot"},
    {"data.doctor.report", "data.doctor.tables"},
    {"truth"},
    {"coco_truth", "results", "runs"},
    {"optimizer.average", "optimizer.caffe", "optimizer.freeze", "optimizer.gradients", "optimizer.schedules"},
    {"optimizer", "trainer.ordered_sums"},
    {"trainer.checkpoints", "trainer.history", "trainer.scale", "trainer.step", "trainer.diagnosis"},
    {"trainer", "evaluation"},
    {"distribution", "replay", "run_folder", "detector"},
    {"progress", "logs", "held_out", "training"},
    {"explain", "found", "inputs"},
    {"explain_plot"},
    {"annotate"},
    {"exporting.metadata", "exporting.packages", "exporting.preprocess", "exporting.witness"},
    {"exporting.serving", "exporting.agreement"},
    {"exporting.saved_model", "exporting.litert", "exporting.onnx"},
    {"loop"},
    {"auditing.answer"},
    {"auditing.case"},
    {"auditing.scene", "auditing.ledger"},
    {"auditing.catalogue.ties"},
    {f"auditing.catalogue.{name}" for name in ("unlabelled", "matching", "threshold", "area", "mining", "saturation")}
    | {f"auditing.catalogue.{name}" for name in ("nonfinite", "labels", "batches", "coder")},
    {"auditing.catalogue"},
    {"auditing.adapters.production", "auditing.adapters.reference", "auditing.adapters.third_witness"},
    {"auditing.signature", "auditing.frameworks", "auditing.judge", "auditing.vectors"},
    {"auditing.implementation"},
    {"auditing.worker", "auditing.process"},
    {"auditing.run", "auditing.testing"},
    {"auditing.table"},
    {"auditing.explain", "auditing.listing", "auditing.pictures"},
    {"auditing.page"},
    {"cli"},
    {"train", "evaluate", "check", "predict", "weights.__main__", "audit", "export"},
]
# torch is no dependency: these import it when a .pth file is read, or in the process that audits it.
MAY_IMPORT = {
    "weights.files": {"torch"},
    "auditing.frameworks": {"torch"},
    "auditing.adapters.reference": {"torch", "reference_torch"},
    "auditing.adapters.third_witness": {"torch", "torchvision"},
}
HEAVY = {"tensorflow", "keras", "numpy", "PIL", "torch"}


def modules(package: str) -> dict[str, Path]:
    """Dotted names, without the package, of all its modules, and of the folders inside it that are more than a docstring."""
    paths = {path.relative_to(ROOT / package).with_suffix(""): path for path in (ROOT / package).rglob("*.py")}
    named = {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items() if name.parts != ("__init__",)}
    return {name: path for name, path in named.items() if path.stem != "__init__" or len(ast.parse(path.read_text()).body) > 1}


def imported(path: Path) -> set[str]:
    """Every dotted name that a file imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_its_layer():
    assert set().union(*LAYERS) == set(modules("tf_ssd"))


@pytest.mark.parametrize("name", modules("tf_ssd"))
def test_modules_import_only_what_lies_below(name):
    level = next(number for number, layer in enumerate(LAYERS) if name in layer)
    below = set().union(*LAYERS[:level]) | (LAYERS[level] if level < len(LAYERS) - 3 else set())
    inside = {module.removeprefix("tf_ssd.") for module in imported(modules("tf_ssd")[name]) if module.startswith("tf_ssd.")}
    assert inside & set().union(*LAYERS) <= below - {name}


@pytest.mark.parametrize("name", modules("tf_ssd"))
def test_production_never_imports_torch(name):
    roots = {module.split(".")[0] for module in imported(modules("tf_ssd")[name])}
    assert not roots & {"torch", "torchvision", "reference_torch", "parity_tests"} - MAY_IMPORT.get(name, set())


def test_the_reader_of_pth_files_imports_torch_only_when_it_reads_one():
    code = "import sys, tf_ssd.weights.files; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("name", modules("reference_torch"))
def test_the_reference_imports_torch_and_the_standard_library_only(name):
    roots = {module.split(".")[0] for module in imported(modules("reference_torch")[name])}
    assert roots <= {"torch", "numpy", "reference_torch"} | set(sys.stdlib_module_names)


def test_the_reference_is_small():
    assert sum(len(path.read_text().splitlines()) for path in modules("reference_torch").values()) <= 500


@pytest.mark.parametrize("entry_point", ["train", "evaluate", "check", "predict", "weights.__main__", "audit", "export"])
def test_the_settings_load_nothing_heavy(entry_point):
    code = f"import sys, tf_ssd.{entry_point}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_importing_tensorflow_first_is_a_clear_error():
    code = "import tensorflow, parity_tests"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.returncode == 1
    assert "TensorFlow was imported before torchvision" in run.stderr
