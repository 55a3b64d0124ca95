"""What there is to detect in: files, folders, patterns, cameras, and what the annotated copy of each is called."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tf_ssd.data.paths import IMAGE_SUFFIXES, pictures_in
from tf_ssd.errors import ConfigError
from tf_ssd.predict.video import is_camera, is_video


class Input(NamedTuple):
    """A picture or a video, and the name of its annotated copy."""

    path: Path
    copy: str

    @property
    def explained(self) -> str:
        """The name of the picture that explains it."""
        return f"{Path(self.copy).stem}-explained.png"


def find_inputs(names: Sequence[str]) -> list[Path]:
    """Files that are named, pictures in the folders that are named, files that fit patterns, and cameras, each once.

    Raises:
        ConfigError: a name stands for nothing.
    """
    found: dict[Path, None] = {}
    for name in names:
        named = Path(name).exists() or is_camera(Path(name))
        paths = [Path(name)] if named else sorted(map(Path, glob.glob(name, recursive=True)))  # noqa: PTH207  may be absolute
        inside = [file for path in paths for file in pictures_in(path)]
        if not inside:
            raise ConfigError(f"{name}: no such picture or video, or a folder without any picture ({' '.join(IMAGE_SUFFIXES)})")
        found |= dict.fromkeys(inside)
    return list(found)


def with_copies(paths: Sequence[Path], *, explain: bool) -> Iterator[Input]:
    """Each path with the name of its copy: its own, numbered where that, or that of its explanation, belongs to another."""
    used: set[str] = set()
    for path in paths:
        stem, suffix, number = path.stem.replace(":", "-"), _copy_suffix(path), 2
        item = Input(path, stem + suffix)
        while used & _written(item, explain):
            item, number = Input(path, f"{stem}-{number}{suffix}"), number + 1
        used |= _written(item, explain)
        yield item


def _written(item: Input, explain: bool) -> set[str]:
    return {item.copy, item.explained} if explain else {item.copy}


def _copy_suffix(path: Path) -> str:
    if is_video(path):
        return ".mp4"
    return ".png" if path.suffix.lower() == ".png" else ".jpg"


def check_apart(inputs: Sequence[Input], folder: Path, *, explain: bool) -> None:
    """Raise ConfigError if a copy in `folder` would overwrite one of the inputs."""
    originals = {item.path.resolve() for item in inputs}
    for item in inputs:
        for name in _written(item, explain):
            if (folder / name).resolve() in originals:
                raise ConfigError(f"--output {folder}: {name} would overwrite an input; choose another folder")
