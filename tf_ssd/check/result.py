"""All that was found in a dataset."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tf_ssd.check.balance import Balancing
from tf_ssd.check.findings import SEVERITIES, Finding, Severity
from tf_ssd.check.presets import Comparison
from tf_ssd.check.survey import Survey


@dataclass(frozen=True, eq=False)
class Result:
    """Splits that could be opened, what was found, and of the first the fit of default boxes, if it has any, and its balance."""

    surveys: Sequence[Survey]
    findings: Sequence[Finding]
    comparison: Comparison | None
    balance: Balancing | None = None

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def by_kind(self) -> dict[tuple[Severity, str], list[Finding]]:
        """Findings by severity and kind: errors first, then in the order in which they came up."""
        alike: dict[tuple[Severity, str], list[Finding]] = defaultdict(list)
        for finding in sorted(self.findings, key=lambda finding: SEVERITIES.index(finding.severity)):
            alike[finding.severity, finding.kind].append(finding)
        return dict(alike)

    def splits(self) -> list[str]:
        """Names of all splits, the ones that could not be opened last."""
        return list(dict.fromkeys([*(survey.split for survey in self.surveys), *(finding.split for finding in self.findings)]))
