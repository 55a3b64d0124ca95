"""The catalogue of edge cases, in the order of the report. Cases are built when this is imported, from NumPy alone."""

from tf_ssd.audit.cases.case import Case
from tf_ssd.audit.cases.catalogue.area import CASES as AREA
from tf_ssd.audit.cases.catalogue.batches import CASES as BATCHES
from tf_ssd.audit.cases.catalogue.coder import CASES as CODER
from tf_ssd.audit.cases.catalogue.labels import CASES as LABELS
from tf_ssd.audit.cases.catalogue.matching import CASES as MATCHING
from tf_ssd.audit.cases.catalogue.mining import CASES as MINING
from tf_ssd.audit.cases.catalogue.nonfinite import CASES as NONFINITE
from tf_ssd.audit.cases.catalogue.saturation import CASES as SATURATION
from tf_ssd.audit.cases.catalogue.threshold import CASES as THRESHOLD
from tf_ssd.audit.cases.catalogue.unlabelled import CASES as UNLABELLED

CASES: tuple[Case, ...] = (
    *UNLABELLED,
    *MATCHING,
    *THRESHOLD,
    *AREA,
    *MINING,
    *SATURATION,
    *NONFINITE,
    *LABELS,
    *BATCHES,
    *CODER,
)
BY_NAME: dict[str, Case] = {case.about.name: case for case in CASES}
