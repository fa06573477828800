"""docs/conformance.md holds the table of rules as the code has it; run this file to write it again."""

from pathlib import Path

from netdiffus.wire.conformance.rules_engine import RULES

PAGE = Path(__file__).parents[3] / "docs" / "conformance.md"
HEAD = "| rule | severity | what a packet does | written in | repair |\n|---|---|---|---|---|\n"


def rules_table() -> str:
    rows = (f"| {r.name} | {r.severity} | {r.says} | {r.source} | {r.fix or '–'} |" for r in RULES)
    return HEAD + "\n".join(rows) + "\n"


def written(page: str) -> str:
    start = page.index(HEAD)
    return page[start : page.index("\n\n", start) + 1]


def test_the_table_of_rules_is_up_to_date() -> None:
    assert written(PAGE.read_text(encoding="utf-8")) == rules_table()


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(written(text), rules_table()), encoding="utf-8")
