"""Everything found, as JSON."""

from collections import Counter
from typing import Any

import numpy as np

from tf_ssd.check.balance import as_json
from tf_ssd.check.coverage import Coverage, by_aspect, by_side
from tf_ssd.check.findings import SEVERITIES, Finding
from tf_ssd.check.presets import Comparison, mean_iou, share, sizes
from tf_ssd.check.result import Result
from tf_ssd.check.small import too_small
from tf_ssd.check.survey import Survey
from tf_ssd.config.tiles import OVERLAP
from tf_ssd.data.coverage import THRESHOLD

VERSION = 1


def report(result: Result) -> dict[str, Any]:
    """What `python -m tf_ssd.check --json` writes: plain dictionaries, lists, texts and numbers."""
    counted = Counter((finding.severity, finding.kind, finding.split) for finding in result.findings)
    return {
        "version": VERSION,
        "counts": {severity: result.count(severity) for severity in SEVERITIES},
        "kinds": [{"severity": key[0], "kind": key[1], "split": key[2], "count": count} for key, count in counted.items()],
        "splits": {survey.split: _split(survey) for survey in result.surveys},
        "default_boxes": None if result.comparison is None else _comparison(result.comparison),
        "balance": None if result.balance is None else as_json(result.balance, result.surveys[0].class_names),
        "findings": [_finding(finding) for finding in result.findings],
    }


def _finding(finding: Finding) -> dict[str, str | None]:
    return {
        "severity": finding.severity,
        "kind": finding.kind,
        "split": finding.split,
        "file": str(finding.place.file),
        "object": finding.place.object,
        "message": finding.message,
    }


def _split(survey: Survey) -> dict[str, Any]:
    sizes = Counter(tuple(size) for size in survey.sizes.tolist() if size[0])
    return {
        "records": survey.records,
        "usable": len(survey.names),
        "decoded": sum(map(bool, survey.digests)),
        "without_boxes": int(np.sum(survey.counts == 0)),
        "boxes": int(np.sum(~survey.crowd)),
        "difficult": int(np.sum(survey.difficult & ~survey.crowd)),
        "crowds": int(np.sum(survey.crowd)),
        "exif_orientations": {str(number): count for number, count in sorted(Counter(survey.orientations.tolist()).items())},
        "sizes_px": [{"size": list(size), "images": count} for size, count in sizes.most_common()],
        "classes": {name: _class(survey, name) for name in survey.class_names},
    }


def _class(survey: Survey, name: str) -> dict[str, int]:
    rows = survey.boxes_of(name)
    return {
        "boxes": len(rows),
        "difficult": int(np.sum(survey.difficult[rows])),
        "images": len(np.unique(survey.image[rows])),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    chosen = comparison.coverages[comparison.chosen]
    return {
        "split": comparison.split,
        "threshold": THRESHOLD,
        "ground_truth": len(comparison.truth.boxes),
        "images": len(comparison.truth.counts),
        "chosen": comparison.chosen,
        "recommended": comparison.recommended,
        "sets": {
            name: {"sizes": sizes(comparison, name), **_coverage(coverage)} for name, coverage in comparison.coverages.items()
        },
        "by_side": [group._asdict() for group in by_side(comparison.truth, chosen)],
        "too_small": _small(comparison),
        "by_aspect": [group._asdict() for group in by_aspect(comparison.truth, chosen)],
    }


def _small(comparison: Comparison) -> dict[str, Any]:
    small = too_small(comparison.truth, comparison.coverages[comparison.chosen].config)
    by_tiles = {str(count): share for count, share in enumerate(small.shares.tolist(), start=1)}
    return {"side_px": small.side_px, "share_by_tiles": by_tiles, "tiles": small.tiles, "tile_overlap": OVERLAP}


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "covered": share(coverage),
        "not_covered": int(np.sum(~coverage.covered)),
        "mean_best_iou": mean_iou(coverage),
        "median_best_iou": float(np.median(coverage.best_iou)),
        "positives_per_image": {
            str(percent): float(np.percentile(coverage.positives, percent)) for percent in (0, 10, 50, 90, 100)
        },
        "images_without_positives": int(np.sum(coverage.positives == 0)),
    }
