import io
import json
import math
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.audit.reports.builder import DOUBLED, audit_of
from tf_ssd.audit import __main__ as audit
from tf_ssd.audit import run
from tf_ssd.audit.asking.implementation import load
from tf_ssd.audit.asking.process import Process
from tf_ssd.audit.cases.answer import from_json, to_json
from tf_ssd.audit.cases.catalogue import BY_NAME, CASES, CATALOGUES
from tf_ssd.audit.judge import BROKEN
from tf_ssd.audit.reports import table
from tf_ssd.audit.reports.html_report import html_report
from tf_ssd.audit.reports.json_report import json_report
from tf_ssd.config import AuditConfig
from tf_ssd.errors import AuditError

NAIVE = "tf_ssd.audit.examples.naive_loss:loss"
FEW = ["no-labels-alone", "two-objects-share-a-best-box", "nan-in-a-negative", "decode-beyond-the-limit", "float16", "two-replicas"]
SLOT_0 = CATALOGUES["sigmoid"]["slot-0-is-trained"]


class InThisProcess:
    """What stands for `Process`, whose start takes longer than the few cases that are asked."""

    def __init__(self, name, *, framework, dtype, time_limit):
        self._implementation = load(name, framework=framework, dtype=dtype)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, case):
        return from_json(to_json(self._implementation.answer(case)))


@pytest.fixture(scope="module")
def audited():
    """tf_ssd in a process of its own, as always; the other loss, whose process would start TensorFlow again, in this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "Process", lambda name, **options: (InThisProcess if name == NAIVE else Process)(name, **options))
        return run.audit(["tf_ssd", NAIVE], [*(BY_NAME[name] for name in FEW), SLOT_0], audited=[NAIVE])


@pytest.fixture
def alone(monkeypatch):
    """tf_ssd without its witnesses, in this process."""
    monkeypatch.setattr(run, "installed", lambda _: ("tf_ssd",))
    monkeypatch.setattr(run, "Process", InThisProcess)


@pytest.fixture
def constant(monkeypatch, tmp_path):
    """A loss in NumPy by itself, which starts at once; it is 1, whatever it is given."""
    (tmp_path / "constant_loss.py").write_text("def loss(offsets, logits, target_offsets, target_labels): return 1.0")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(run, "installed", lambda _: ())
    monkeypatch.setattr(audit, "_cases", lambda config: tuple(BY_NAME[name] for name in ([config.case] if config.case else FEW)))
    return ["--impl", "constant_loss:loss"]


def text(*parts) -> str:
    console = Console(width=150, record=True, file=io.StringIO())
    for part in parts:
        console.print(part)
    return console.export_text()


def test_the_table_has_every_case_and_says_what_is_wrong(audited):
    shown = text(*table.render(audited, width=150, every=True))
    assert all(name in shown for name in FEW)
    assert "naive_loss:loss: fault: a box is invented for the image without labels" in shown
    assert re.search(r"no-labels-alone +7\.25\d* FAULT +0 +0", shown)
    assert re.search(r"two-replicas +n/a +8\.431 +8\.431", shown)


def test_the_summary_counts(audited):
    assert [audited.count("tf_ssd", verdict) for verdict in ("ok", "fault", "n/a")] == [7, 0, 0]
    assert [audited.count(NAIVE, verdict) for verdict in ("n/a", "timeout")] == [2, 0]
    assert audited.failed(NAIVE)
    assert not audited.failed("tf_ssd")


def test_tf_ssd_is_told_the_kind_of_scores_and_so_is_the_reader(audited):
    assert audited.rows["tf_ssd"]["slot-0-is-trained"].answer.total == pytest.approx(37 / 32 + 12 * math.log(2))
    assert "scores=sigmoid" in html_report(audited)
    assert json_report(audited)["cases"][-1]["settings"] == {"scores": "sigmoid"}


def test_what_foreign_code_says_cannot_become_html(audited, tmp_path, monkeypatch):
    (tmp_path / "rude_loss.py").write_text(
        "def loss(offsets, logits, target_offsets, target_labels): raise ValueError('<script>alert(1)</script>')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    rude = run.audit(["rude_loss:loss"], [BY_NAME["no-labels-alone"]], audited=["rude_loss:loss"])
    html = html_report(rude)
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html


def test_one_case_explained_and_written(alone, tmp_path, capsys):
    files = ["--json", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.html")]
    assert audit.main(["--case", "two-objects-share-a-best-box", *files]) == 0
    shown = capsys.readouterr().out
    assert "Each object gets a default box of its own" in shown
    assert re.search(r"6 +0\.625 0\.375 0\.25 0\.25 +row 1", shown)
    assert re.search(r"tf_ssd +10\.7327", shown)
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["summary"]["tf_ssd"]["ok"] == 1
    assert written["conclusions"] == {"tf_ssd": ["tf_ssd: no rule is broken in 1 answer"]}
    assert written["cases"][0]["answers"]["tf_ssd"]["verdict"] == "ok"
    assert written["cases"][0]["answers"]["tf_ssd"]["outcome"] == "passed"
    assert "<details" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize(("flag", "suffix"), [("--json", ".json"), ("--report", ".html")])
def test_a_file_that_cannot_be_written_is_one_message(constant, tmp_path, capsys, flag, suffix):
    """Its name is longer than any may be."""
    path = tmp_path / ("a" * 256 + suffix)
    assert audit.main([*constant, "--case", "no-labels-alone", flag, str(path)]) == 2
    assert f"{path}: cannot be written (File name too long); choose another place" in capsys.readouterr().err


def test_json_spells_what_json_has_no_number_for(alone, tmp_path):
    assert audit.main(["--case", "nan-in-a-negative", "--json", str(tmp_path / "a.json")]) == 0
    written = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)
    assert written["cases"][0]["expected"]["total"] == written["cases"][0]["answers"]["tf_ssd"]["total"] == "nan"


def test_a_broken_rule_of_an_implementation_is_exit_code_1(constant, capsys):
    assert audit.main([*constant, "--case", "no-labels-alone"]) == 1
    assert "total 1 instead of 0" in " ".join(capsys.readouterr().out.split())


def test_what_it_comes_to_is_said_last(constant, capsys):
    assert audit.main(constant) == 1
    last = capsys.readouterr().out.splitlines()[-1].strip()
    assert last == "next: python -m tf_ssd.audit --impl constant_loss:loss --case no-labels-alone"


ACCEPTED = """
[accepted."constant_loss:loss"]
no-labels-alone = "it is a constant"
nan-in-a-negative = "it is a constant"
float16 = "it is a constant"
{more}
"""


@pytest.mark.parametrize(("more", "code"), [("", 0), ('no-labels-with-one = "no case"', 2)])
def test_accepted_cases_do_not_count(constant, tmp_path, capsys, more, code):
    (tmp_path / "audit.toml").write_text(ACCEPTED.replace("{more}", more))
    assert audit.main([*constant, "--accepted", str(tmp_path / "audit.toml")]) == code
    printed = capsys.readouterr()
    assert "accepted: 3 cases may fail" in printed.out if code == 0 else "'no-labels-with-one': no such case" in printed.err


def test_accepted_cases_of_what_is_not_audited_are_warned_of(constant, tmp_path, capsys):
    path = tmp_path / "audit.toml"
    path.write_text(ACCEPTED.replace("{more}", '[accepted.tf_sd]\nfloat16 = "misspelt"\n[accepted."other:loss"]\n'))
    assert audit.main([*constant, "--accepted", str(path), "--format", "junit"]) == 0
    assert (
        capsys.readouterr().err == f"warning: --accepted {path}: not used: tf_sd, other:loss; audited now are constant_loss:loss\n"
    )
    path.write_text(ACCEPTED.replace("{more}", ""))
    assert audit.main([*constant, "--accepted", str(path), "--format", "junit"]) == 0
    assert capsys.readouterr().err == ""


def test_a_loss_that_is_built_in_is_audited_when_it_is_named(monkeypatch):
    asked = []
    monkeypatch.setattr(run, "audit", lambda names, cases, **settings: asked.append((names, settings["audited"])))
    audit._run(AuditConfig(impl=("torchvision",)), ("torchvision",), (), Console(file=io.StringIO()))
    assert asked == [(("torchvision",), ("torchvision",))]


@pytest.mark.parametrize(("form", "start"), [("junit", "<?xml"), ("github", "::error file=")])
def test_what_is_printed_for_machines_is_all_that_is_printed(constant, tmp_path, capsys, form, start):
    assert audit.main([*constant, "--format", form, "--json", str(tmp_path / "a.json")]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith(start)
    assert "written" in printed.err
    assert "written" not in printed.out
    if form == "github":
        assert f"file={tmp_path / 'constant_loss.py'},line=1,title=" in printed.out


@pytest.mark.parametrize(("form", "found"), [("junit", r'tests="1" failures="1"'), ("github", r"mine: 1 of 1 answer breaks")])
def test_one_case_for_machines(form, found):
    one = audit_of({"losses:mine": {"one-object": DOUBLED}}, cases=["one-object"])
    assert re.search(found, audit._for_machines(AuditConfig(case="one-object", format=form), one))


def test_the_bar_says_that_a_diagnosis_is_made(monkeypatch):
    monkeypatch.setattr(run, "audit", lambda names, cases, **settings: settings["diagnosing"]("tf_ssd"))
    shown = io.StringIO()
    audit._run(AuditConfig(), ("tf_ssd",), (), Console(file=shown, force_terminal=True, width=100))
    assert "looking for what explains the answers of tf_ssd" in shown.getvalue()


def test_a_coder_case_explained(alone, capsys):
    assert audit.main(["--case", "decode-overflow"]) == 0
    assert re.search(r"expected +-7\.3125", capsys.readouterr().out)


def test_export(tmp_path, capsys):
    assert audit.main(["--export", str(tmp_path / "vectors")]) == 0
    assert len(list((tmp_path / "vectors/cases").iterdir())) == len(CASES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--case", "no-label-alone"], "'no-label-alone': no such case; did you mean no-labels-alone"),
        (
            ["--case", "one-object", "--impl", "nowhere.at:all"],
            "--impl nowhere.at:all: there is no module nowhere; is its folder the current one",
        ),
        (["--accepted", "nowhere.toml"], "--accepted nowhere.toml: cannot be read (No such file or directory)"),
        (["--impl", "json:dunps"], "--impl json:dunps: json has no function dunps; name it as json:function"),
        (["--scores", "sigmoid", "--case", "right-by-100"], "'right-by-100': no such case; did you mean right-by-1000"),
        (["--json", "a.txt"], "--json='a.txt': must end in .json"),
        (["--specification", "--export", "new"], "--specification=True: writes no files; leave out --export"),
        (["--time-limit", "0"], "--time-limit=0.0: must be positive"),
        (["--impl", "a:b", "a:b"], "--impl=['a:b']: name each implementation once"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(alone, capsys, arguments, message):
    assert audit.main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_witnesses_that_are_not_installed_are_left_out(monkeypatch):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None if name == "torchvision" else sys)
    assert run.installed() == ("tf_ssd", "reference_torch")


def test_torchvision_has_no_sigmoids():
    assert run.installed() == ("tf_ssd", "reference_torch", "torchvision")
    assert run.installed("sigmoid") == ("tf_ssd", "reference_torch")


def test_nobody_goes_on_when_an_implementation_cannot_be_loaded(tmp_path, monkeypatch):
    (tmp_path / "slow_loss.py").write_text(
        "import time\n\ndef loss(offsets, logits, target_offsets, target_labels): time.sleep(0.2); return 0.0"
    )
    monkeypatch.syspath_prepend(tmp_path)
    answered = []
    with pytest.raises(AuditError, match="nowhere"):
        run.audit(["slow_loss:loss", "nowhere:loss"], CASES, progress=lambda: answered.append(1))
    assert len(answered) < len(CASES)


@pytest.mark.parametrize("document", ["audit.md", "published-implementations.md"])
def test_the_documents_name_cases_that_exist(document):
    written = (Path(__file__).parents[2] / "docs" / document).read_text()
    rows = [line.split("|")[4] for line in written.splitlines() if line.startswith("|") and line.count("|") == 5]
    named = set(re.findall(r"`([a-z0-9-]+)`", "".join(rows))) | set(re.findall(r"--case ([a-z0-9-]+)", written))
    assert named
    assert named <= set(BY_NAME)
    assert all(int(number) == len(CASES) for number in re.findall(r"(\d+) edge cases", written))


def test_no_verdict_is_forgotten():
    assert set(BROKEN) <= set(table.STYLES)
    assert set(table.SAID) == set(table.STYLES) - {"ok", "n/a"}
