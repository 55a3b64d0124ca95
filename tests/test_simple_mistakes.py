"""A simple mistake is reported before TensorFlow is imported, which takes ten seconds and more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Runs commands one after the other in a process that has not imported TensorFlow, and prints what each did.
SCRIPT = """
import contextlib, importlib, io, json, sys
for module, arguments in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            code = importlib.import_module(module).main(arguments)
        except SystemExit as stop:
            code = stop.code
    print(json.dumps([code, said.getvalue(), sorted({'tensorflow', 'keras', 'torch'} & set(sys.modules))]))
"""
DATA = ["--dataset", "coco", "--data", "data"]
TRAIN, EVALUATE, PREDICT = "tf_ssd.train.__main__", "tf_ssd.evaluate.__main__", "tf_ssd.predict.__main__"
EXPORT, CHECK, AUDIT = "tf_ssd.export.__main__", "tf_ssd.check.__main__", "tf_ssd.audit.__main__"
WEIGHTS, BENCHMARKS = "tf_ssd.weights.__main__", "benchmarks.__main__"
LITE = "ssdlite320_mobilenet_v3_large"
ONNX = ["--format", "onnx", "--output", "new.onnx"]
READERS = {TRAIN: [], CHECK: [], EVALUATE: ["--checkpoint", "run"], EXPORT: ["--checkpoint", "run", *ONNX]}
NOTHING = "{}: nothing stands after it; give it a value, or leave it out"
EMPTY = "{}: what stands after it is empty (is a variable of the shell not set?); give it a value, or leave it out"
MISTAKES = [
    (TRAIN, ["--dataset", "voc", "--data", "gone"], "gone: no such folder; check --data"),
    (TRAIN, ["--dataset", "voc", "--data", "data"], "data/JPEGImages: no such folder; a VOC dataset holds"),
    (
        TRAIN,
        ["--dataset", "voc", "--data", "voc", "--split", "tain"],
        "there is no split 'tain': neither ImageSets/Main/tain.txt nor a folder tain; 'all' is every annotation; to keep some",
    ),
    (
        TRAIN,
        [*DATA, "--split", "tain"],
        "there are no annotations of a split 'tain'; looked for data/annotations/instances_tain.json",
    ),
    (TRAIN, [*DATA, "--split", "train"], "instances_val.json"),
    (TRAIN, [*DATA, "--eval-split", "train", "--eval-data", "gone"], "gone: no such folder"),
    (TRAIN, ["--dataset", "csv", "--data", "data"], "data/train.csv"),
    (TRAIN, ["--dataset", "yolo", "--data", "yolo"], "yolo: there are no images of a split 'val'; yolo/data.yaml does not name it"),
    (TRAIN, ["--data", "yolo"], "yolo: there are no images of a split 'val'; yolo/data.yaml does not name it"),
    (TRAIN, ["--data", "nameless"], "nameless/data.yaml: there are no names of classes; write 'names: [first class"),
    (
        TRAIN,
        ["--dataset", "tfrecord", "--data", "data"],
        "data: there are no TFRecords of a split 'train'; looked for data/train.record",
    ),
    (
        TRAIN,
        ["--data", "data", "--split", "tain"],
        "there are no annotations of a split 'tain'; looked for data/annotations/instances",
    ),
    (TRAIN, ["--data", "used"], "used: the layout is none that is known; found a.jpg. Of the layouts, voc needs Annotations/ and"),
    (TRAIN, ["--data", "data", "--eval-data", "gone"], "gone: no such folder; check --data"),
    (EVALUATE, ["--checkpoint", "run", "--data", "used"], "used: the layout is none that is known"),
    (EXPORT, ["--checkpoint", "run", *ONNX, "--data", "used"], "used: the layout is none that is known"),
    (CHECK, ["--data", "used"], "used: the layout is none that is known"),
    *((command, [*given, "--data"], NOTHING.format("--data")) for command, given in READERS.items()),
    *((command, [*given, "--data", ""], EMPTY.format("--data")) for command, given in READERS.items()),
    (TRAIN, ["--split"], "--split=(): name at least one"),
    (TRAIN, ["--data", "data", "--eval-split"], NOTHING.format("--eval-split")),
    (TRAIN, ["--eval-data"], NOTHING.format("--eval-data")),
    (TRAIN, ["--box-sizes"], "--box-sizes=(): "),
    (TRAIN, ["--weights="], EMPTY.format("--weights")),
    (EXPORT, ["--checkpoint", "run", *ONNX, "--images"], NOTHING.format("--images")),
    (PREDICT, ["--checkpoint", "run"], "IMAGE=(): give at least one file, folder or pattern"),
    (PREDICT, ["", "--checkpoint", "run"], "an argument is empty (is a variable of the shell not set?)"),
    (AUDIT, ["--impl"], NOTHING.format("--impl")),
    (TRAIN, ["--output", "used"], "--output used: the folder is not empty; choose another, nothing was overwritten"),
    (TRAIN, ["--weights", "gone.keras", "--recipe", "finetune"], "gone.keras: no such file"),
    (TRAIN, ["--weights", "file.pth", "--recipe", "finetune"], "file.pth: the suffix must be .keras"),
    (TRAIN, ["--weights", "empty.keras", "--recipe", "finetune"], "empty.keras: not a .keras file, or not a whole one"),
    (
        TRAIN,
        ["--network", "vgg"],
        "error: --network vgg: must be one of ssd300_mobilenet_v1, ssd300_mobilenet_v2, ssd300_v",
    ),
    (TRAIN, ["--network=ssd300_vgg"], "; did you mean ssd300_vgg19 or ssd300_vgg16 or ssd512_vgg16?"),
    (WEIGHTS, ["--from", "vgg16", "file.pth", "--network", "mobilenet"], "; did you mean ssd300_mobilenet_v"),
    (TRAIN, ["--recipe", "VOC"], "--recipe VOC: must be one of quick, voc, coco, ssdlite, od_api, finetune; did you mean voc?"),
    (TRAIN, ["--netwrok", LITE], "--netwrok: there is no such option; did you mean --network?"),
    (
        EXPORT,
        ["--format", "onnx"],
        "--checkpoint PATH, --output PATH: must be given; python -m tf_ssd.export --help says what they",
    ),
    (
        TRAIN,
        ["--network", LITE, "--default-boxes", "VOC300"],
        f"--default-boxes='VOC300': is not for {LITE}, which may have LITE320",
    ),
    (
        TRAIN,
        ["--network", "ssd512_vgg16", "--box-sizes", *map(str, range(30, 100, 10))],
        "--box-sizes=(30.0, 40.0, 50.0, 60.0, 70.0",
    ),
    (TRAIN, ["--network", LITE, "--frozen-blocks", "17"], "--frozen-blocks=17: mobilenet_v3_large has 16 blocks to freeze, conv, "),
    (TRAIN, ["--base-rate", "0"], "--base-rate=0.0: must be above 0, up to 1"),
    (TRAIN, [*DATA, "--classes", "gone.txt"], "gone.txt: cannot be read as a class map"),
    (TRAIN, [*DATA, "--class-weights", "gone.json"], "gone.json: cannot be read as weights of classes"),
    (TRAIN, [*DATA, "--class-weights", "file.json"], "file.json: cannot be read as weights of classes"),
    (TRAIN, [*DATA, "--balance", "2"], "--balance=2.0: must be above 0, up to 1: a share of the images"),
    (TRAIN, ["--patience", "3"], "--patience=3: counts evaluations; say with --eval-every after how many steps to make them"),
    (TRAIN, ["--until", "soon"], "--until='soon': write a duration such as 90s, 30m, 1h30m or 2d"),
    (TRAIN, ["--output", "new", "--extend", "5"], "--output='new': holds no run; --extend goes on with one that is finished"),
    (TRAIN, ["--replay", "gone.safetensors"], "--replay gone.safetensors: no such file"),
    (EVALUATE, ["--checkpoint", "gone", *DATA], "gone: no such file or folder; give the folder of a run, or a .keras file"),
    (EVALUATE, ["--checkpoint", "used", *DATA], "used: the folder holds no model.keras, which a run writes at its end"),
    (EVALUATE, ["--detections", "gone.json", *DATA], "--detections gone.json: no such file"),
    (EVALUATE, ["--detections", "file.json", *DATA], "instances_test.json"),
    (EVALUATE, ["--detections", "file.json", *DATA, "--classes", "gone.txt"], "gone.txt: cannot be read as a class map"),
    (PREDICT, ["a.jpg", "--checkpoint", "gone"], "gone: no such file or folder"),
    (PREDICT, ["gone.jpg", "--checkpoint", "run"], "gone.jpg: no such picture, video or folder"),
    (PREDICT, ["a.jpg", "--checkpoint", "run", "--output", "used"], "--output used: the folder holds a.jpg already"),
    (PREDICT, ["a.jpg", "--checkpoint", "run", "--output", "file.json"], "--output='file.json': is no folder; choose a folder"),
    (EXPORT, ["--checkpoint", "gone", *ONNX], "gone: no such file or folder"),
    (EXPORT, ["--checkpoint", "run", *ONNX, "--images", "gone"], "--images='gone': no such picture or folder"),
    (EXPORT, ["--checkpoint", "run", *ONNX, *DATA], "instances_val.json"),
    (
        PREDICT,
        ["a.jpg", "--checkpoint", "run/model.keras", "--last"],
        "run/model.keras: --last chooses one of the models in the folder",
    ),
    (CHECK, [*DATA, "--split", "tain"], "instances_tain.json"),
    (CHECK, [*DATA, "--balance", "0"], "--balance=0.0: must be above 0, up to 1: a share of the images"),
    (CHECK, ["--dataset", "voc", "--data", "gone", "--split", "train", "val"], "gone: no such folder"),
    (CHECK, [*DATA, "--network", "vgg"], "--network vgg: must be one of ssd300_mobilenet_v1, "),
    (
        CHECK,
        [*DATA, "--default-boxes", "OD300"],
        "--default-boxes='OD300': is not for ssd300_vgg16, which may have VOC300, COCO300",
    ),
    (CHECK, [*DATA, "--classes", "gone.txt"], "gone.txt: cannot be read as a class map"),
    (AUDIT, ["--case", "nothing"], "--case 'nothing': no such case"),
    (AUDIT, ["--impl", "gone.losses:loss"], "--impl gone.losses:loss: there is no module gone;"),
    (AUDIT, ["--impl", "tf_ssd.gone:loss"], "there is no module tf_ssd.gone;"),
    (WEIGHTS, ["--from", "vgg16", "gone.pth", "--output", "new.keras"], "gone.pth: no such file"),
    (
        WEIGHTS,
        ["--from", "torchvision", "imagenet", "--output", "new.keras"],
        "FILE='imagenet': is for --from keras; --from torchv",
    ),
    (TRAIN, ["--weight-decay", "inf", "--optimizer", "sgd"], "--weight-decay=inf: must be from 0 to below 1"),
    (TRAIN, ["--clip-norm", "inf"], "--clip-norm=inf: must be positive; leave it out for no limit"),
    (WEIGHTS, ["--from", "vgg16", "file.json", "--output", "new.keras"], "file.json: the suffix must be one of .pth"),
    (BENCHMARKS, ["--json", "file.json"], "file.json exists already; choose another name, nothing was overwritten"),
    (BENCHMARKS, ["--help"], ""),
]
# Outputs of each command that writes files: none may exist, and no two may be one.
OUTPUTS = {
    EVALUATE: (["--checkpoint", "run", *DATA], {"--json": ".json", "--plot": ".png", "--results": ".json"}),
    EXPORT: (["--checkpoint", "run", "--format", "tflite"], {"--output": ".tflite"}),
    CHECK: (DATA, {"--json": ".json", "--plot": ".png", "--show-augmentation": ".png"}),
    AUDIT: ([], {"--json": ".json", "--report": ".html", "--export": ""}),
    WEIGHTS: (["--from", "vgg16", "file.pth"], {"--output": ".keras"}),
}
for command, (given, outputs) in OUTPUTS.items():
    for flag, suffix in outputs.items():
        exists = f"taken{suffix}"
        MISTAKES.append((command, [*given, flag, exists], f"{flag}='{exists}': exists already; choose another name, nothing"))
MISTAKES += [
    (
        EVALUATE,
        [*OUTPUTS[EVALUATE][0], "--json", "x.json", "--results", "x.json"],
        "--results='x.json': is the file of --json as well",
    ),
    (CHECK, [*DATA, "--plot", "x.png", "--show-augmentation", "./x.png"], "--show-augmentation='x.png': is the file of --plot"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes")
    for name in (
        "data/annotations/instances_train.json",
        "voc/a.xml",
        "yolo/train/a.jpg",
        "used/a.jpg",
        "a.jpg",
        "file.json",
        "file.pth",
        "empty.keras",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "yolo/data.yaml").write_text("names: [dog]\ntrain: train\n")
    (folder / "nameless").mkdir()
    (folder / "nameless/data.yaml").write_text("train: images\n")
    (folder / "run").mkdir()
    (folder / "run" / "model.keras").write_bytes(b"PK\x05\x06" + b"\0" * 18)  # an empty archive
    for suffix in {suffix for _, outputs in OUTPUTS.values() for suffix in outputs.values()}:
        (folder / f"taken{suffix}").write_text("a user's")
    asked = json.dumps([(module, arguments) for module, arguments, _ in MISTAKES])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # the benchmarks are not installed
    script = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(script, input=asked, capture_output=True, text=True, check=True, cwd=folder, env=environment)
    left = {path.name for path in Path(folder).iterdir()}
    assert {path.read_text() for path in folder.glob("taken*")} == {"a user's"}
    assert not {name for name in left if name.startswith(("new", "runs", "unfinished"))}
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("[")]


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[" ".join((module, *given)) for module, given, _ in MISTAKES])
def test_a_mistake_is_named_before_anything_heavy_is_imported(answers, number):
    code, said, heavy = answers[number]
    _, arguments, message = MISTAKES[number]
    assert code == (0 if arguments == ["--help"] else 2)
    assert message in " ".join(said.replace("│", " ").split())  # of a box of lines
    assert heavy == []
