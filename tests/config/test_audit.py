import pytest

from tf_ssd.config import AuditConfig
from tf_ssd.errors import ConfigError


def test_defaults():
    config = AuditConfig()
    assert (config.impl, config.framework, config.dtype, config.case, config.time_limit) == ((), "auto", "float32", None, 20.0)


@pytest.mark.parametrize(
    ("setting", "name", "message"),
    [
        ("json", "report.txt", r"--json='.*report\.txt': must end in \.json"),
        ("report", "report.pdf", r"--report='.*report\.pdf': must end in \.html"),
        ("export", "gone/vectors", r"--export='.*vectors': there is no folder .*gone; make it first"),
        ("export", "there", r"--export='.*there': exists already; choose another name"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_any_work(tmp_path, setting, name, message):
    (tmp_path / "there").mkdir()
    with pytest.raises(ConfigError, match=message):
        AuditConfig(**{setting: tmp_path / name})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"specification": True, "export": "vectors"}, "--specification=True: writes no files; leave out --export"),
        (
            {"specification": True, "json": "a.json", "report": "a.html"},
            "--specification=True: writes no files; leave out --json, --report",
        ),
        ({"export": "vectors", "json": "a.json"}, "--export='.*vectors': audits nothing; leave out --json"),
        ({"export": "vectors", "report": "a.html"}, "--export='.*vectors': audits nothing; leave out --report"),
    ],
)
def test_files_that_would_not_be_written_are_refused(tmp_path, settings, message):
    paths = {name: tmp_path / value for name, value in settings.items() if isinstance(value, str)}
    with pytest.raises(ConfigError, match=f"^{message}$"):
        AuditConfig(**{**settings, **paths})
