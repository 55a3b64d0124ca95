"""Look through the detections of a model in FiftyOne.

python examples/neighbours/with_fiftyone.py runs/voc photos

It needs `pip install fiftyone`, which brings a MongoDB server.
"""

import sys
from typing import Any

import tf_ssd
from tf_ssd.predict.detections import PictureDetections

FIELD = "tf_ssd"


def main(arguments: list[str]) -> None:
    """Detect in a folder of pictures and open the app."""
    import fiftyone

    run, folder = arguments
    dataset = fiftyone.Dataset.from_images_dir(folder)
    detector = tf_ssd.load(run, score_threshold=0.05)  # the app has a slider for higher ones
    for sample in dataset.iter_samples(autosave=True, progress=True):
        rows = labels(detector(sample.filepath))
        sample[FIELD] = fiftyone.Detections(detections=[fiftyone.Detection(**row) for row in rows])
    fiftyone.launch_app(dataset).wait()


def labels(detections: PictureDetections) -> list[dict[str, Any]]:
    """What `fiftyone.Detection` takes, for each: boxes are x, y, width and height as fractions of the picture."""
    width, height = detections.size
    return [
        {
            "label": name,
            "bounding_box": [xmin / width, ymin / height, (xmax - xmin) / width, (ymax - ymin) / height],
            "confidence": score,
        }
        for name, (xmin, ymin, xmax, ymax), score in zip(
            detections.names, detections.boxes_px.tolist(), detections.scores.tolist(), strict=True
        )
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
