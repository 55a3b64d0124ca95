"""The catalogue of edge cases, in the order of the report. Cases are built when this is imported, from NumPy alone.

Most hold for either kind of scores, with other numbers. What a softmax does with large logits is asked of a softmax, and what
sigmoids do with theirs, and with slot 0, of sigmoids.
"""

from dataclasses import replace

from tf_ssd.audit.cases.case import Case, LossCase
from tf_ssd.audit.cases.catalogue.area import CASES as AREA
from tf_ssd.audit.cases.catalogue.batches import CASES as BATCHES
from tf_ssd.audit.cases.catalogue.coder import CASES as CODER
from tf_ssd.audit.cases.catalogue.labels import CASES as LABELS
from tf_ssd.audit.cases.catalogue.matching import CASES as MATCHING
from tf_ssd.audit.cases.catalogue.mining import CASES as MINING
from tf_ssd.audit.cases.catalogue.nonfinite import CASES as NONFINITE
from tf_ssd.audit.cases.catalogue.saturation import CASES as SATURATION
from tf_ssd.audit.cases.catalogue.sigmoid import CASES as SIGMOID
from tf_ssd.audit.cases.catalogue.threshold import CASES as THRESHOLD
from tf_ssd.audit.cases.catalogue.unlabelled import CASES as UNLABELLED


def _by_sigmoid(case: Case) -> Case:
    """The same case for sigmoids. A formula by hand is one for a softmax, unless it is 0."""
    if not isinstance(case, LossCase):
        return case
    return replace(case, scores="sigmoid", by_hand=None if case.by_hand and case.by_hand[1] else case.by_hand)


_BEFORE: tuple[Case, ...] = (*UNLABELLED, *MATCHING, *THRESHOLD, *AREA, *MINING)
_AFTER: tuple[Case, ...] = (*NONFINITE, *LABELS, *BATCHES, *CODER)
CASES: tuple[Case, ...] = (*_BEFORE, *SATURATION, *_AFTER)
BY_NAME: dict[str, Case] = {case.about.name: case for case in CASES}
CATALOGUES: dict[str, dict[str, Case]] = {  # by the kind of scores
    "softmax": BY_NAME,
    "sigmoid": {case.about.name: case for case in (*map(_by_sigmoid, _BEFORE), *SIGMOID, *map(_by_sigmoid, _AFTER))},
}
