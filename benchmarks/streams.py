"""JPEG files to augmented, padded batches of 32 at 300 x 300, by tf_ssd and by torchvision's reference pipeline for its SSD."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.photos import PHOTOS, Photos

BATCH, IMAGE_SIZE, MEAN_RGB = 32, 300, (123, 117, 104)

Pipeline = Callable[[Photos, int], Iterator[object]]


def tensorflow_batches(photos: Photos, cores: int) -> Iterator[object]:
    """The batches of `python -m tf_ssd.train`; TensorFlow itself finds the cores that the process may use."""
    from tf_ssd.cli import quiet_start

    with quiet_start():
        from tf_ssd.data.batches.generator import TrainingBatches

    return TrainingBatches(photos, batch_size=BATCH, image_size=IMAGE_SIZE, seed=0).batches(0, 10**9)


def torchvision_batches(photos: Photos, cores: int, *, pillow: bool) -> Iterator[object]:
    """The batches of torchvision's references/detection."""
    from torch.utils.data import DataLoader

    examples: Any = TorchvisionExamples(photos, pillow=pillow)  # it has what a map-style dataset needs
    return iter(DataLoader(examples, batch_size=BATCH, num_workers=cores, collate_fn=_padded))


class TorchvisionExamples:
    """An endless dataset for PyTorch: the photos in their order, again and again."""

    def __init__(self, photos: Photos, *, pillow: bool) -> None:
        import torch
        from torchvision.transforms import v2

        self._photos, self._pillow = photos, pillow
        self._transforms = v2.Compose(
            [
                v2.RandomPhotometricDistort(),
                v2.RandomZoomOut(fill=list(MEAN_RGB)),
                v2.RandomIoUCrop(),
                v2.RandomHorizontalFlip(),
                v2.Resize((IMAGE_SIZE, IMAGE_SIZE)),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.SanitizeBoundingBoxes(),
            ]
        )

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any]]:
        import torch
        from PIL import Image
        from torchvision import tv_tensors
        from torchvision.io import ImageReadMode, decode_jpeg, read_file

        record, (width, height) = self._photos[index % PHOTOS], self._photos.size
        if self._pillow:
            image = Image.open(record.image).convert("RGB")
        else:
            image = tv_tensors.Image(decode_jpeg(read_file(str(record.image)), mode=ImageReadMode.RGB))
        boxes_px = torch.from_numpy(record.boxes_px).float()
        boxes = tv_tensors.BoundingBoxes(boxes_px, format="XYXY", canvas_size=(height, width))
        return self._transforms(image, {"boxes": boxes, "labels": torch.from_numpy(record.labels)})


def _padded(examples: list[tuple[Any, dict[str, Any]]]) -> tuple[Any, ...]:
    """Images (B, 3, S, S), boxes (B, G, 4) and labels (B, G)."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    images, targets = zip(*examples, strict=True)
    return torch.stack(images), *(
        pad_sequence([target[name] for target in targets], batch_first=True) for name in ("boxes", "labels")
    )


PIPELINES: dict[str, Pipeline] = {
    "torchvision, tensors": partial(torchvision_batches, pillow=False),
    "torchvision, Pillow": partial(torchvision_batches, pillow=True),
    "tf_ssd": tensorflow_batches,
}
