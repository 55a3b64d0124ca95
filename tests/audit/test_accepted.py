import pytest

from tf_ssd.audit.accepted import outcome, read
from tf_ssd.errors import AuditError

GOOD = """
[accepted."package.losses:multibox"]
zero-width-alone = "our annotation has no boxes without area"
ties-at-the-cut = "torch.topk"

[accepted.other]
slot-0-is-trained = "a case for sigmoids"
"""


def test_a_file_of_accepted_cases(tmp_path):
    (tmp_path / "audit.toml").write_text(GOOD)
    accepted = read(tmp_path / "audit.toml")
    assert set(accepted) == {"package.losses:multibox", "other"}
    assert accepted["package.losses:multibox"]["ties-at-the-cut"] == "torch.topk"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[accepted."a:b"]\nzero-width = "why"', "audit.toml: a:b: 'zero-width': no such case; did you mean zero-width-alone"),
        ('[accepted."a:b"]\nxxxx = "why"', "audit.toml: a:b: 'xxxx': no such case; leave it out"),
        ('[accepted."a:b"]\nzero-width-alone = " "', "audit.toml: a:b: zero-width-alone: say why it is accepted"),
        ('[accepted."a:b"]\nzero-width-alone = 3', "Expected `str`, got `int`"),
        ('accepted = ["zero-width-alone"]', "Expected `object`, got `array`"),
        ("[acepted]", "unknown field `acepted`"),
        ("accepted = ", "audit.toml: Invalid value"),
        (b"\xff", "audit.toml: 'utf-8' codec"),
    ],
)
def test_a_file_with_a_mistake_is_named_with_the_mistake(tmp_path, content, message):
    (tmp_path / "audit.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(AuditError, match="--accepted") as raised:
        read(tmp_path / "audit.toml")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AuditError, match=r"audit\.toml: cannot be read \(No such file or directory\)"):
        read(tmp_path / "audit.toml")


@pytest.mark.parametrize(
    ("verdict", "alone", "accepted"),
    [
        ("ok", "passed", "mended"),
        ("difference", "passed", "passed"),
        ("fault", "failed", "accepted"),
        ("error", "failed", "accepted"),
        ("timeout", "failed", "accepted"),
        ("n/a", "skipped", "skipped"),
    ],
)
def test_to_accept_concerns_broken_rules_alone(verdict, alone, accepted):
    assert (outcome(verdict, accepted=False), outcome(verdict, accepted=True)) == (alone, accepted)
