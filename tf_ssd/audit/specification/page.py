"""The specification as a page of Markdown, which docs/specification.md is."""

from collections.abc import Iterator

from tf_ssd.audit.specification.rules import Rule, Section, Specification

INTRODUCTION = """\
# Specification of an SSD's core

Version {version}. What the operations of an SSD compute, rule by rule, at the edges too. The words MUST, MUST NOT and MAY are those
of RFC 2119. A rule keeps its number. "A choice" is a rule that no publication states, and that somebody has to make.

This page is made by `python -m tf_ssd.audit --specification`. Each rule has an audit case or a named test, and each of these says
which rules it stands for.

Where published detectors have several conventions, a rule states one of them: objects claim in the order of their overlaps, and not
each for itself (argmax); N is that of the batch, and not of each image; an overlap equal to the threshold matches. Who follows this
specification MUST keep them all. The audit knows the other conventions: it calls them differences, says which, and fails nobody for
one, since a detector that was trained with it is right to keep it.

Boxes are fractions of the image's sides: xyxy is (xmin, ymin, xmax, ymax), cxcywh is (centre x, y, width, height). Default boxes
are cxcywh, ground truth and detections are xyxy. Class 0 is background, and as the label of a ground-truth row it is padding.
"""


def page(specification: Specification) -> str:
    """The whole page."""
    sections = ("\n".join(_section(section)) for section in specification.sections)
    return "\n".join([INTRODUCTION.format(version=specification.version), *sections])


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}\n"
    yield f"{', '.join(f'`{operation}`' for operation in section.operations)}. {section.dtype}\n"
    for rule in section.rules:
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"**{rule.number}** {rule.text}"
    if rule.edge:
        yield rule.edge
    if rule.formula:
        yield f"\n    {rule.formula}\n"
    cases = f" Cases: {', '.join(rule.cases)}." if rule.cases else ""
    yield f"*Source: {rule.source}.*{cases}\n"
