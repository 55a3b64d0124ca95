"""Count what lies in a part of a picture, and annotate it, with the package supervision.

python examples/neighbours/with_supervision.py runs/voc street.jpg annotated.jpg

It needs `pip install supervision`. Its trackers, line counters and video tools take the same detections.
"""

import sys
from collections import Counter

import numpy as np
import supervision
from PIL import Image, ImageOps

import tf_ssd


def main(arguments: list[str]) -> None:
    """Count the objects whose lower edge is in the lower half of the picture, and save it with boxes and names."""
    run, picture, output = arguments
    detections = tf_ssd.load(run)(picture)
    found = detections.to_supervision()
    width, height = detections.size
    lower_half = supervision.PolygonZone(np.array([[0, height // 2], [width, height // 2], [width, height], [0, height]]))
    counts = Counter(found.data["class_name"][lower_half.trigger(found)].tolist())
    print("in the lower half:", ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing")
    image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
    image = supervision.BoxAnnotator().annotate(image, found)
    supervision.LabelAnnotator().annotate(image, found).save(output)


if __name__ == "__main__":
    main(sys.argv[1:])
