"""Links between pages lead somewhere, the site has every page, and its API reference names what there is."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "tests/parity/*.md", "tools/**/*.md", "src/**/*.md")
    for path in ROOT.glob(pattern)
)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"(?m)^#+ (.*)", prose(page))
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def dead(page: Path) -> list[str]:
    """The links of a page that lead nowhere in the repository."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        name, _, anchor = link.partition("#")
        if "://" in name:
            continue
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page) -> None:
    assert dead(ROOT / page) == []


def test_a_dead_link_is_found(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[1](page.md#a-heading) [2](page.md#another) [3](other.md) [4](https://example.org)\n")
    assert dead(page) == ["page.md#another", "other.md"]


def test_pages_of_the_site_link_inside_it() -> None:
    """Others are broken on the site."""
    outside = [
        f"{page.name}: {link}"
        for page in DOCS.rglob("*.md")
        for link in re.findall(r"\]\(([^)#\s]+)", prose(page))
        if "://" not in link and not (page.parent / link).resolve().is_relative_to(DOCS)
    ]
    assert outside == []


def test_the_site_has_every_page() -> None:
    listed = set(re.findall(r"(?m)^ +- (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert listed == {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}


def test_the_reference_names_what_there_is() -> None:
    names = re.findall(r"(?m)^::: (\S+)", (DOCS / "reference.md").read_text(encoding="utf-8"))
    assert len(names) > 4
    for name in names:
        module, _, last = name.rpartition(".")
        assert last[0].islower() or hasattr(import_module(module), last), name
        if last[0].islower():
            import_module(name)
