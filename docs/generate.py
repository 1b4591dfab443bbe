"""Writes the reference pages from the code, so that they cannot drift; ``--check`` writes nothing, fails on a diff."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import sys
import tempfile
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"
NOTICE = "<!-- Written by docs/generate.py (`make docs`) from the code; do not edit. -->\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    titles = list(head)
    lines = [" | ".join(titles), " | ".join("---" for _ in titles)]
    lines += [" | ".join(_cell(value) for value in row) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def reasons() -> str:
    """Why a bag version was not replicated."""
    from bagfill.ingests.reasons import Reason
    from bagfill.ingests.remedies import REMEDIES
    from bagfill.ingests.retries import NO_ATTEMPT, SCHEDULES

    def again(reason: Reason) -> str:
        if reason in NO_ATTEMPT:
            return "as soon as it can be"
        schedule = SCHEDULES.get(reason)
        if schedule is None:
            return "no"
        pauses = f"after {schedule.first} to {schedule.longest}" if schedule.longest else "at once"
        return f"{pauses}, {schedule.attempts} attempts"

    rows = ((f"`{r.code}`", again(r), r.advice, f"`{REMEDIES[r]}`") for r in Reason)
    return (
        "# Reasons\n\nWhy a bag version was not replicated. The code is on the ingest and in its events; it does not "
        "change between releases. *Tried again*: when a later sweep does so without a person; pauses double, and "
        "after the last attempt a person is asked. `bagfill failures` lists what needs one, with the command filled in."
        "\n\n" + table(("Code", "Tried again", "What to do", "Command"), rows)
    )


def rules() -> str:
    """The rules that a bag is judged by."""
    from bagfill.bag.rules.catalogue import RULE_MODULES
    from bagfill.bag.rules.finding import Profile

    def severity(rule: Any, profile: Profile) -> str:
        found = rule.severities.get(profile)
        return "" if found is None else found.value

    def meaning(module: types.ModuleType) -> str:
        """What the file says the rule demands, without the clause, which has its own column."""
        text = " ".join((inspect.getdoc(module) or "").split()).replace("``", "`")
        return _CITED.sub("", text)

    rows = (
        (
            f"`{module.RULE.code}`",
            meaning(module),
            module.RULE.clause,
            severity(module.RULE, Profile.BAGIT),
            severity(module.RULE, Profile.STORAGE_SERVICE),
            "yes" if module.RULE.waivable else "",
        )
        for module in RULE_MODULES
    )
    head = ("Code", "What it demands", "Clause", "Profile `bagit`", "Profile `storage-service`", "Can be waived")
    return _RULES_INTRODUCTION + table(head, rows)


_CITED = re.compile(r"(?:RFC 8493, section|[Ss]torage service,? (?:V[0-9]|file))[^.]*(?:\.[0-9][^.]*)*\.(?: |$)")
_RULES_INTRODUCTION = """# Rules

A bag is judged by these: by `bagfill validate`, at the source before anything of it is thawed or copied, and again at
the destination. V-numbers are the checks of the Wellcome storage service, whose texts the findings have; two of them
compare two places and are no rules of a bag: V22 and V23, which the conclusion of a replica does for every tag file.

The profile `bagit` is RFC 8493, versions 0.93 to 1.0; `storage-service` is everything. `[rules]` in the settings says
by which a backfill judges. `bagfill waive` lets a known bag version through that breaks a rule that can be waived.

[How the verdict differs from other programs'](../explanation/verdict.md).

"""


def checks() -> str:
    """What ``bagfill doctor`` tries."""
    from bagfill.doctor.catalogue import CHECK_MODULES

    def about(module: types.ModuleType) -> tuple[str, str, str]:
        text = " ".join((inspect.getdoc(module) or "").split()).replace("``", "`")
        return f"`{module.CHECK.code}`", ", ".join(sorted(module.CHECK.identities)), text

    return (
        "# Checks of `bagfill doctor`\n\nWhat is tried at each bucket and container, in this order, with whose "
        "identity. The codes do not change between releases. [How to use it](../howto/check-an-installation.md).\n\n"
        + table(("Code", "Tried as", "What must hold"), (about(module) for module in CHECK_MODULES))
        + "\nBeside these: `one-identity` (reading and writing with the same one), `folder-missing`, `folder-access` "
        "and `disk-full` of local folders, `connection-not-set`, `database-answers-not`, `database-revision`, "
        "`database-rights` and `database-clock` of the registry, `queue` of restore events and of newly registered "
        "bags; of a storage service `table` and `table-may-delete` of its tables, `responses-may-not-forget` of its "
        "cached answers, `reindex-topic`, `bags-api`, `ingests-tracker` and `ingests-topic`; its bucket of manifests "
        "is tried as above.\n"
    )


def names() -> str:
    """Which names a provider can hold."""
    from bagfill.storage import names as module

    fields = (
        ("characters", "max_characters"),
        ("bytes of UTF-8", "max_bytes"),
        ("segments", "max_segments"),
        ("bytes of a segment", "max_segment_bytes"),
        ("ends in `/`", "trailing_slash"),
        ("`//`", "empty_segments"),
        ("segments `.` and `..`", "dot_segments"),
        ("segment ends in `.`", "segment_may_end_with_dot"),
        ("a folder takes a file's name", "folders_are_names"),
        ("not allowed", "forbidden_words"),
    )
    all_rules = (module.S3_NAMES, module.AZURE_NAMES, module.LOCAL_NAMES)
    words = {True: "yes", False: "no", None: "no limit", "": "-"}

    def word(value: Any) -> str:
        return words[value] if isinstance(value, bool | None) or value == "" else str(value)

    rows = ((title, *(word(getattr(rule, field)) for rule in all_rules)) for title, field in fields)
    return (
        "# Names that a provider can hold\n\nThe name of every file is checked at planning time, before a byte moves. "
        "A bag with a name that its destination would change, merge with another or refuse is not replicated there "
        "(`name-refused`). Which names a disk holds apart is said by `names` in the settings of its location: `exact`, "
        "`case-insensitive`, `nfc`, `case-insensitive-nfc`.\n\n"
        + table(("", *(rule.provider for rule in all_rules)), rows)
    )


def settings() -> str:
    """The settings file, section by section."""
    from bagfill.settings import campaigns, forecast, notices, sections, storage_service, thaw_events

    chapters = []
    headings = (
        ("[registry]", sections.RegistrySection),
        ("[work_area], [receipts], [manifests], [reports]", sections.AreaSection),
        ("[[locations]]", sections.LocationSection),
        ("[locations.thaw]", sections.ThawSection),
        ("[locations.batch]", sections.BatchSection),
        ("[[policies]]", sections.PolicySection),
        ("[limits]", sections.LimitsSection),
        ("[callbacks]", sections.CallbacksSection),
        ("[campaigns]", campaigns.CampaignsSection),
        ("[signing]", sections.SigningSection),
        ("[audit]", sections.AuditSection),
        ("[[notices]]", notices.NoticeSection),
        ("[thaw_events]", thaw_events.ThawEventsSection),
        ("[storage_service.manifests]", storage_service.ServiceManifestsSection),
        ("[storage_service.bags_api]", storage_service.BagsApiSection),
        ("[storage_service.ingests]", storage_service.ServiceIngestsSection),
        ("[storage_service.listener]", storage_service.ListenerSection),
        ("[rules]", sections.RulesSection),
        ("[forecast]", forecast.ForecastSection),
    )
    for heading, section in headings:
        schema = section.model_json_schema()
        needed = schema.get("required", [])
        rows = (
            (
                f"`{name}`",
                _schema_words(values, schema.get("$defs", {})),
                "needed" if name in needed else _default(values),
            )
            for name, values in schema["properties"].items()
        )
        chapters.append(f"## `{heading}`\n\n" + table(("Key", "Type", "Default"), rows))
    example = (ROOT / "include" / "config" / "bagfill.toml").read_text()
    return (
        "# Settings\n\nOne TOML file: `include/config/bagfill.toml`, or the one that `BAGFILL_CONFIG` or `--config` "
        "names. It is checked whole before anything starts; an error names the key, what was found, what is "
        "allowed.\n\n"
        f"The example that comes with Bagfill explains each key:\n\n```toml\n{example}```\n\n" + "\n".join(chapters)
    )


def _schema_words(values: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A JSON schema of one key in words."""
    if "$ref" in values:
        values = definitions[values["$ref"].rpartition("/")[2]]
    if "anyOf" in values:
        kinds = (_schema_words(kind, definitions) for kind in values["anyOf"])
        return " or ".join(kind for kind in kinds if kind != "null")
    if "enum" in values:
        return ", ".join(f"`{value}`" for value in values["enum"])
    kind = str(values.get("type", ""))
    if kind == "object":
        return "table"
    if kind == "array":
        return f"list of {_schema_words(values.get('items', {}), definitions)}"
    limits = [
        f"{word} {values[name]:,}"
        for word, name in (("at least", "minimum"), ("at most", "maximum"), ("more than", "exclusiveMinimum"))
        if name in values
    ]
    return ", ".join([{"string": "text", "duration": "duration"}.get(str(values.get("format", kind)), kind), *limits])


def _default(values: dict[str, Any]) -> str:
    default = values.get("default")
    if isinstance(default, dict):
        return "see below"
    return "-" if default in (None, [], "") else f"`{default}`"


_CLI_INTRODUCTION = """# Command line

`bagfill` (also `python -m bagfill`). Exit code 0: done; 1: a negative answer (an invalid bag, a failed backfill, bags
that are not covered); 2: wrong use, or it could not be found out. `--json` prints JSON and nothing else on standard
output.
"""


def cli() -> str:
    """Every command with its options."""
    os.environ.update(TERM="dumb", COLUMNS="100", NO_COLOR="1", TERMINAL_WIDTH="100")
    import typer
    from typer.testing import CliRunner

    from bagfill.cli.app import app

    runner = CliRunner()
    parts = [_CLI_INTRODUCTION]
    for words in ((), *_commands(typer.main.get_command(app))):
        text = runner.invoke(app, [*words, "--help"], prog_name="bagfill", color=False).output
        trimmed = "\n".join(line.rstrip() for line in text.strip().splitlines())
        parts.append(f"## `{' '.join(('bagfill', *words))}`\n\n```text\n{trimmed}\n```\n")
    return "\n".join(parts)


def _commands(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, those of a group by their two words."""
    for name, command in sorted(group.commands.items()):
        if getattr(command, "commands", None):
            yield from _commands(command, (*before, name))
        else:
            yield (*before, name)


def receipt_schema() -> str:
    """The form of receipts and seals as JSON Schema."""
    from bagfill.fixity.receipt_form import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def dags() -> str:
    """The DAGs, their params and tasks."""
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(
            AIRFLOW_HOME=home,
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
            AIRFLOW__CORE__PLUGINS_FOLDER=str(ROOT / "plugins"),
            AIRFLOW__CORE__UNIT_TEST_MODE="True",
            AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
            BAGFILL_CONFIG=str(ROOT / "include" / "config" / "bagfill.toml"),
        )
        parts = ["# DAGs\n"]
        for path in sorted((ROOT / "dags").glob("*.py")):
            parts.extend(_dag_page(dag) for dag in _dags_of(_load(path)))
    return "\n".join(parts)


def _load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"documented_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _dags_of(module: types.ModuleType) -> Iterator[Any]:
    """The DAGs of a module: those its own functions make."""
    for value in vars(module).values():
        if inspect.isfunction(value) and getattr(value, "__wrapped__", None) is not None:
            yield value()


def _dag_page(dag: Any) -> str:
    rows = []
    for name in dag.params:
        param = dag.params.get_param(name)
        schema, value = param.schema, param.value
        kind = schema.get("type", "")
        kinds = ", ".join(kind) if isinstance(kind, list) else str(kind)
        text = schema.get("description_md") or param.description or schema.get("description") or ""
        rows.append(
            (f"`{name}`", kinds, text, "-" if value is None or not isinstance(value, str | int) else f"`{value}`")
        )
    doc = "\n".join(
        line.replace("# ", "### ", 1) if line.startswith("# ") else line for line in dag.doc_md.splitlines()
    )
    tasks = ", ".join(f"`{task.task_id}`" for task in dag.topological_sort())
    return f"## `{dag.dag_id}`\n\n{doc}\n\nTasks: {tasks}\n\n" + table(("Param", "Type", "Meaning", "Default"), rows)


def http() -> str:
    """The routes of the HTTP API."""
    from generate_http import http_api

    return http_api(ROOT / "include" / "config" / "bagfill.toml", table)


def decisions() -> str:
    """The list of decisions."""
    found = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    titles = ((page, page.read_text().partition("\n")[0].removeprefix("# ").partition(". ")) for page in found)
    rows = ((number, f"[{title}]({page.name})") for page, (number, _, title) in titles)
    return (
        "# Decisions\n\nWhy it is as it is. A number that is missing was taken back, or became part of another.\n\n"
        + table(("", "Decision"), rows)
    )


def metrics() -> str:
    """Every metric that is sent."""
    from bagfill_airflow.metrics import METRICS, PREFIX

    rows = ((f"`{PREFIX}{m.name}`", m.kind.value, ", ".join(f"`{tag}`" for tag in m.tags), m.meaning) for m in METRICS)
    return "# Metrics\n\nSent by Airflow, behind its prefix. [How to receive them](../howto/metrics.md).\n\n" + table(
        ("Metric", "Kind", "Tags", "Meaning"), rows
    )


def log_lines() -> str:
    """Lines that logs are searched for."""
    from bagfill.logs import Line

    def fields(line: Line) -> str:
        return ", ".join(f"`{field}`" for field in line.fields)

    rows = ((f"`{line.text}`", line.meaning, fields(line)) for line in Line)
    about = " ".join((inspect.getdoc(Line) or "").split("\n\n")[1].split()).replace("``", "`")
    return (
        "# Lines in logs\n\nOne line for each shard and each decision; the names (`event`) and fields do not change "
        f"between releases. {about} [How to read them](../howto/logs.md).\n\n"
        + table(("`event`", "Written when", "Fields"), rows)
    )


def report_columns() -> str:
    """The tables of a report."""
    from bagfill.reports.standing import COLUMNS

    chapters = (
        f"## `{name}.csv`\n\n" + ", ".join(f"`{column}`" for column in columns) for name, columns in COLUMNS.items()
    )
    return (
        "# Tables of a report\n\n[What a report is](../howto/reports.md). Columns keep their names and their order; "
        "new ones are added at the end. Sizes are in bytes, moments in ISO 8601 (UTC), money is a decimal number; "
        "`wanted` and `late` are `yes` or `no`; what is not known or not there is empty. `report.json` has the same "
        "tables as lists of objects.\n\n" + "\n\n".join(chapters) + "\n"
    )


GENERATED: dict[str, Callable[[], str]] = {
    "reasons.md": reasons,
    "rules.md": rules,
    "checks.md": checks,
    "names.md": names,
    "settings.md": settings,
    "cli.md": cli,
    "receipt.schema.json": receipt_schema,
    "dags.md": dags,
    "http.md": http,
    "report.md": report_columns,
    "metrics.md": metrics,
    "logs.md": log_lines,
}


_FIGURES = re.compile(r"(?<=<!-- figures: begin -->\n).*(?=<!-- figures: end -->)", re.DOTALL)


def performance() -> str:
    """The page on performance, with the figures of the last run between its two marks."""
    from report import figures
    from rows import read_json, read_versions

    page = (ROOT / "docs" / "performance.md").read_text()
    return _FIGURES.sub(lambda _: figures(read_json(), read_versions()), page)


def performance_picture() -> str:
    """Its plot."""
    from report import picture
    from rows import read_json

    return picture(read_json())


def pages() -> Iterator[tuple[Path, str]]:
    """Every file that is written from something else, whole or in part."""
    for name, write in GENERATED.items():
        yield PAGES / name, f"{NOTICE}\n{write().rstrip()}\n" if name.endswith(".md") else write()
    yield ROOT / "docs" / "decisions" / "index.md", f"{NOTICE}\n{decisions()}"
    yield ROOT / "docs" / "performance.md", performance()
    yield ROOT / "docs" / "images" / "performance.svg", performance_picture()


def main(arguments: list[str]) -> int:
    """Write every page, or compare every page; exit code 1 when one differs."""
    sys.path[:0] = [str(ROOT / folder) for folder in ("include", "plugins", "benchmarks", "docs")]
    stale = []
    for page, text in pages():
        if page.exists() and page.read_text() == text:
            continue
        stale.append(str(page.relative_to(ROOT)))
        if "--check" not in arguments:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text)
            print(f"written: {stale[-1]}")
    if stale and "--check" in arguments:
        print(f"not what the code and the last benchmark say: {', '.join(stale)}; run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
