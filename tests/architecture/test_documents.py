"""Documents name what exists: links, pictures, decision records, dependencies."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from core.alarm_kinds import DEFINITIONS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
IMAGES = ROOT / "docs" / "images"
DECISIONS = ROOT / "docs" / "decisions"
RECORDS = sorted(DECISIONS.glob("[0-9]*.md"))
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
LARGEST_PICTURE_BYTES = 120_000


def _links(document: Path) -> list[str]:
    """Relative links of a document, without fenced code."""
    prose = re.sub(
        r"^```.*?^```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    links = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [link for link in links if "://" not in link]


def _anchors(document: Path) -> set[str]:
    """Names of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in _links(document):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_picture_is_shown_and_small() -> None:
    shown = {
        (document.parent / link).resolve()
        for document in DOCUMENTS
        for link in _links(document)
    }
    pictures = [path for path in IMAGES.rglob("*") if path.is_file()]
    assert pictures
    assert [path.name for path in pictures if path not in shown] == []
    large = [p.name for p in pictures if p.stat().st_size > LARGEST_PICTURE_BYTES]
    assert large == []


def test_every_decision_record_has_its_form_and_its_line_in_the_index() -> None:
    index = (DECISIONS / "README.md").read_text("utf-8")
    by_subject = {
        part.split("\n", 1)[0].lower(): part for part in index.split("\n## ")[1:]
    }
    assert len(RECORDS) > 30
    for number, record in enumerate(RECORDS, start=1):
        title, _, facts, *rest = record.read_text("utf-8").split("\n")
        assert record.name.startswith(f"{number:04d}-"), record.name
        words = re.fullmatch(rf"# {number}\. (.+)", title)
        assert words is not None, record.name
        form = r"\d{4}-\d\d-\d\d · (accepted|superseded by \d{4}) · (\w+)"
        subject = re.fullmatch(form, facts)
        assert subject is not None, record.name
        line = f"- [{number:04d}]({record.name}) {words[1]}\n"
        assert line in by_subject[subject[2]] + "\n"
        headings = re.findall(r"^\*\*(\w+)\.\*\*", "\n".join(rest), re.MULTILINE)
        assert headings == ["Context", "Choice", "Cost"], record.name
    assert len(re.findall(r"^- \[", index, re.MULTILINE)) == len(RECORDS)


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
    ]
    wanted = {re.split(r"[\[<>=~; ]", requirement)[0] for requirement in named}
    rows = re.findall(
        r"^\| ([^|]+) \|",
        (DECISIONS / "dependencies.md").read_text("utf-8"),
        re.MULTILINE,
    )
    given = {
        re.sub(r"\[.*", "", name.strip()) for row in rows for name in row.split(",")
    }
    assert given - {"package", "---"} == wanted


def test_every_topic_of_the_doctor_has_its_runbook() -> None:
    """Topics are the names of findings, or said where the name holds an object."""
    headings = set(re.findall(r"^### (.*)$", OPERATIONS, re.MULTILINE))
    topics: set[str] = set()
    for name in ("doctor", "safeguards"):
        source = (ROOT / "orchestrator" / "operations" / f"{name}.py").read_text(
            "utf-8"
        )
        topics |= set(re.findall(r'\bname="([^"]+)"', source))
        topics |= set(re.findall(r'\btopic="([^"]+)"', source))
    assert len(topics) > 15
    assert topics - headings == set()


def test_every_kind_of_alarm_has_its_runbook() -> None:
    """In docs/operations.md with where to look, in docs/alarms.md with its rule."""
    headings = set(re.findall(r"^### (.*)$", OPERATIONS, re.MULTILINE))
    section = OPERATIONS.partition("\n### alarms\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| ([A-Z][^|]*) \| ([^|]*) \|$", section, re.MULTILINE)
    named = {title for titles, _ in rows for title in titles.split(", ")}
    titles = {kind.title for kind in DEFINITIONS.values()}
    assert named == titles
    for _, places in rows:
        topic = re.split("[,:]", places)[0]
        assert topic in headings or ": " in places, places
    rules = (ROOT / "docs" / "alarms.md").read_text("utf-8")
    assert set(re.findall(r"^\| ([A-Z][^|]*) \|", rules, re.MULTILINE)) >= titles
