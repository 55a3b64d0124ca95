"""The maker of mutants, and the list of those that are known to be equal."""

import os
import re
from importlib.util import module_from_spec

import pytest

from parity_tests.mutation import trial
from parity_tests.mutation.__main__ import main
from parity_tests.mutation.mutants import mutants
from parity_tests.mutation.results import Results, equal_mutants, mutants_of, sampled
from parity_tests.mutation.targets import ROOT, TARGETS, Target, named
from parity_tests.mutation.trial import Changed, Trial

SOURCE = '''"""Nothing here is changed."""

import math
from typing import Literal

Kind = Literal["nor", "here"]


def larger(a: float, b: float = 1.0) -> float:
    """Nor here."""
    if a < b:
        raise ValueError("nor here", 1)
    difference = a - b
    return max(math.floor(difference), a)
'''


def test_each_mutant_changes_one_place_of_what_runs() -> None:
    made = list(mutants(SOURCE))
    names = [mutant.name for mutant in made]
    assert len(set(names)) == len({mutant.source for mutant in made}) == len(names)
    assert {
        "larger: def larger(a: float, b: float = 1.0) -> float: -> def larger(a: float, b: float = 2.0) -> float:",
        "larger: if a < b: -> if a <= b:",
        "larger: difference = a - b -> difference = a + b",
        "larger: difference = a - b -> pass",
        "larger: return max(math.floor(difference), a) -> return max(a, math.floor(difference))",
    } <= set(names)
    assert not [name for name in names if "import" in name or "here" in name]
    assert made == [*mutants(SOURCE, {"module"}), *mutants(SOURCE, {"larger"})]


def test_results_are_kept_for_the_source_that_was_tried(tmp_path) -> None:
    (target,) = named(["boxes_px"])
    first, second = list(mutants(target.path.read_text()))[:2]
    Results(tmp_path / "results").add(target, first, "survived", 60)
    again = Results(tmp_path / "results")
    assert again.known(target, first)
    assert not again.known(target, second)
    assert not again.known(target, first._replace(source=first.source + "# another"))
    assert list(again.survivors(target)) == [f"survived: {target.module} {first.name}"]
    assert again.minutes(target) == 1


@pytest.mark.parametrize("line", ["", "[1]", '{"module": "tf_ssd.boxes"}', '{"module": "tf_ssd.box', "\xff"])
def test_a_damaged_file_of_results_is_refused_with_its_line(tmp_path, line) -> None:
    (target,) = named(["boxes_px"])
    path = tmp_path / "results"
    Results(path).add(target, next(mutants(target.path.read_text())), "killed", 1)
    with path.open("a", encoding="latin-1") as file:
        file.write(f"{line}\n")
    message = "cannot be read" if line == "\xff" else "line 2 is no result; remove it, or give another file"
    with pytest.raises(ValueError, match=f"results: {message}"):
        Results(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sample", "0"), "--sample: '0' is no number from 1 on"),
        (("--sample", "few"), "--sample: 'few' is no number from 1 on"),
        (("--processes", "-1"), "--processes: '-1' is no number from 1 on"),
        (("--results", "."), ".: cannot be read"),
        (("--results", "missing/results.jsonl"), "missing/results.jsonl: there is no such folder"),
        (("--survivors", "--results", "missing.jsonl"), "missing.jsonl: no such file"),
        (("elsewhere",), "elsewhere: no such target"),
    ],
)
def test_wrong_commands_are_refused(tmp_path, monkeypatch, capsys, options, message) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_what_somebody_else_ended_is_left_and_tried_again(tmp_path) -> None:
    """Also if it is listed as equal."""
    (target,) = named(["boxes"])
    name, *_ = equal_mutants()[target.module]
    (mutant,) = (each for each in mutants_of(target) if each.name == name)
    results = Results(tmp_path / "results")
    results.add(target, mutant, "broken", 1)
    assert not results.known(target, mutant)
    assert (list(results.survivors(target)), results.equal(target)) == ([f"broken: tf_ssd.boxes {name}"], 0)
    results.add(target, mutant, "survived", 1)
    assert results.known(target, mutant)
    assert (list(results.survivors(target)), results.equal(target)) == ([], 1)


def test_a_module_that_is_named_twice_is_tried_once() -> None:
    assert [target.module for target in named(["coder", "tf_ssd.coder"])] == ["tf_ssd.coder"]


def test_the_table_says_how_many_of_all_changes_were_tried(tmp_path, monkeypatch, capsys) -> None:
    """Results are those of where the command was given, whatever else it does."""
    (target,) = named(["boxes_px"])
    chosen = sampled(target, 3, "x")
    for outcome, mutant in zip(("killed", "timeout", "survived"), chosen, strict=True):
        Results(tmp_path / "results").add(target, mutant, outcome, 60)
    monkeypatch.chdir(tmp_path)
    assert main(["boxes_px", "--sample", "3", "--seed", "x", "--results", "results"]) == 1
    printed = capsys.readouterr().out
    assert f"survived: tf_ssd.boxes_px {chosen[2].name}" in printed
    assert re.search(rf"boxes_px +│ 3 of {len(mutants_of(target))} +│ 2 +│ 1 +│ 0 +│ 66.7 % +│ 3 ", printed)


def test_what_runs_ends_with_who_waits_for_it(monkeypatch) -> None:
    """As at Ctrl-C, which comes while nothing is to be done."""
    started = []

    def start(*_: object) -> int:
        started.append(os.posix_spawnp("sleep", ["sleep", "60"], os.environ, setsid=True))
        return started[-1]

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trial, "_start", start)
    monkeypatch.setattr(trial.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(trial.tried([Trial(Target("none", ()), "none", "")] * 3, 2))
    assert len(started) == 2
    for process in started:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_unknown_modules_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="elsewhere: no such target; there are boxes, "):
        named(["boxes", "elsewhere"])


def test_a_room_stands_for_its_modules() -> None:
    found = {target.module for target in named(["metrics", "tf_ssd.matcher"])}
    assert {"tf_ssd.metrics.voc", "tf_ssd.metrics.errors.lost", "tf_ssd.matcher"} <= found
    assert not [module for module in found if not module.startswith(("tf_ssd.metrics.", "tf_ssd.matcher"))]


def test_a_sample_is_always_the_same_and_part_of_a_larger_one() -> None:
    (target,) = named(["boxes_px"])
    few, more, everything = (sampled(target, count) for count in (5, 9, None))
    assert few == sampled(target, 5)
    assert len(few) == 5
    assert set(few) < set(more) < set(everything) == set(mutants_of(target))


def test_a_seed_gives_another_sample_which_is_always_the_same() -> None:
    (target,) = named(["boxes_px"])
    first, other = sampled(target, 9), sampled(target, 9, "2")
    assert other == sampled(target, 9, "2")
    assert set(other) != set(first)
    assert set(sampled(target, None, "2")) == set(mutants_of(target))


@pytest.mark.parametrize("name", ["tf_ssd.metrics.__init__", "tf_ssd.metrics.points"])
def test_a_package_is_imported_from_the_source_that_is_given_as_a_module_is(name) -> None:
    target = Target(name, ())
    finder = Changed(target, target.path.read_text(encoding="utf-8") + "\nCHANGED = True\n")
    assert finder.find_spec("tf_ssd.metrics.voc", None) is None
    spec = finder.find_spec(name.removesuffix(".__init__"), None)
    assert spec is not None
    module = module_from_spec(spec)
    finder.exec_module(module)
    assert module.CHANGED
    assert list(getattr(module, "__path__", [])) == ([str(target.path.parent)] if "init" in name else [])


@pytest.mark.parametrize("target", [each for each in TARGETS if each.module in equal_mutants()], ids=lambda each: each.module)
def test_every_mutant_that_is_listed_as_equal_can_be_made(target) -> None:
    listed = set(equal_mutants()[target.module])
    functions = {name.partition(":")[0] for name in listed}
    made = {mutant.name for mutant in mutants(target.path.read_text(encoding="utf-8"), functions)}
    assert listed - made == set()


def test_every_target_and_its_tests_exist() -> None:
    for target in TARGETS:
        assert target.path.is_file()
        for test in target.tests:
            file, _, function = test.partition("::")
            assert (ROOT / file).exists()
            assert not function or f"def {function}(" in (ROOT / file).read_text(encoding="utf-8")
