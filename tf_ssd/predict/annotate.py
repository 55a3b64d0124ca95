"""Annotated copies of pictures and videos, a few pictures at a time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tf_ssd.config import Exif, Tiling
from tf_ssd.data.images.decode import decode, read_file
from tf_ssd.errors import ImageError
from tf_ssd.predict.detections import Picture, PictureDetections
from tf_ssd.predict.detector import MANY, Detector
from tf_ssd.predict.explain import explain
from tf_ssd.predict.explain_plot import explanation_png
from tf_ssd.predict.inputs import Input
from tf_ssd.predict.outputs import DetectionFiles
from tf_ssd.predict.video import Clip, Frame, opened, write_video
from tf_ssd.system.files import written_beside
from tf_ssd.system.names import printable

Item = TypeVar("Item")
JPEG_QUALITY = 92


class Annotator:
    """Detects, writes annotated copies into a folder and what was found into its files.

    Args:
        detector: the network.
        folder: for the copies.
        files: that take the detections.
        console: for progress, and for what had to be skipped.
        tiling: in which tiles pictures and frames are looked at, beside the whole of each.
        overwrite: whether a copy may replace a file of its name.
    """

    def __init__(
        self, detector: Detector, folder: Path, files: DetectionFiles, console: Console, *, tiling: Tiling, overwrite: bool
    ) -> None:
        self._detector = detector
        self._tiling = tiling
        self._folder = folder
        self._files = files
        self._console = console
        self._new = not overwrite

    def copy_pictures(self, inputs: Sequence[Input], *, exif: Exif, explain: bool) -> int:
        """Copy all pictures, and `explain` each in another picture; returns how many could not be read."""
        skipped = 0
        with self._progress() as progress:
            bar = progress.add_task("detecting", total=len(inputs))
            for batch in batched(inputs, MANY):
                readable = list(self._readable(batch, exif))
                detected = self._detect([encoded for _, encoded, _ in readable])  # read as in evaluation, large pictures reduced
                for (item, encoded, pixels), detections in zip(readable, detected, strict=True):
                    with written_beside(self._folder / item.copy, new=self._new) as unfinished:
                        detections.draw(pixels).save(unfinished, quality=JPEG_QUALITY)
                    if explain:
                        self._explain(item, encoded, pixels)
                    self._files.add(str(item.path), detections)
                skipped += len(batch) - len(readable)
                progress.advance(bar, len(batch))
        return skipped

    def copy_video(self, item: Input) -> bool:
        """Copy a video; False, and nothing is left of it, if it cannot be read to its end."""
        try:
            with self._files.all_or_nothing(), opened(item.path) as clip, self._progress() as progress:
                bar = progress.add_task(item.path.name, total=clip.length)
                frames = progress.track(self._annotated(item, clip), task_id=bar, total=clip.length)
                write_video(self._folder / item.copy, frames, clip.rate, new=self._new)
        except ImageError as error:
            self._skip(error)
            return False
        return True

    def _annotated(self, item: Input, clip: Clip) -> Iterator[Frame]:
        """The frames with what was found in them, which is called by their numbers."""
        number = 0
        for batch in batched(clip.frames, MANY):
            for frame, detections in zip(batch, self._detect([frame.pixels for frame in batch]), strict=True):
                self._files.add(f"{item.path}#{number}", detections)
                number += 1
                yield Frame(np.asarray(detections.draw(frame.pixels)), frame.seconds)

    def _detect(self, pictures: Sequence[Picture]) -> list[PictureDetections]:
        return self._detector(pictures, tiles=self._tiling.tiles, tile_overlap=self._tiling.tile_overlap)

    def _readable(self, batch: Sequence[Input], exif: Exif) -> Iterator[tuple[Input, bytes, np.ndarray]]:
        """The pictures that can be decoded, and their pixels; the others are named."""
        for item in batch:
            try:
                encoded = read_file(item.path)
                yield item, encoded, decode(encoded, str(item.path), exif=exif)
            except ImageError as error:
                self._skip(error)

    def _explain(self, item: Input, encoded: bytes, pixels: np.ndarray) -> None:
        config, settings = self._detector.model.config, self._detector.settings
        explanation = explain(*self._detector.heads(encoded), config, settings)
        names, title = self._detector.class_names, printable(item.path.name)
        png = explanation_png(pixels, explanation, config.boxes, names, title=title, settings=settings)
        with written_beside(self._folder / item.explained, new=self._new) as unfinished:
            unfinished.write_bytes(png)

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), "left")
        return Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)

    def _skip(self, error: ImageError) -> None:
        self._console.print(f"skipped: {error}", markup=False, soft_wrap=True)


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of up to `size` items (itertools has it from Python 3.12 on)."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
