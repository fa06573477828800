"""What prompts say: facts, templates, words, and what a free text names."""

import pytest

from netdiffus.errors import InputError
from netdiffus.models.options import train_options
from netdiffus.models.prompts.facts import TEMPLATES, Facts, as_words, checked_templates, named_in, prompt, quantised
from netdiffus.models.prompts.foundation import Foundation
from netdiffus.models.prompts.words import MOST_WORDS, word_ids, words_of

FACTS = Facts(64, 12_345, 0.0123, 443)


def test_a_template_says_quantised_facts() -> None:
    said = prompt(TEMPLATES[0], "netflix", "tcp", FACTS)
    assert said == "netflix, tcp, 60 packets, 15000 bytes, 0.015 s, port 443"
    assert [as_words(value) for value in (0, 1, 7, 13, 190, 0.0021)] == ["0", "1", "8", "15", "200", "0.002"]
    assert all(quantised(quantised(x)) == quantised(x) for x in (0.37, 3, 99, 12_345))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("netflix, tcp, 200 packets", ("netflix", "tcp", 200)),
        ("TCP traffic of Net-Flix", ("net-flix", "tcp", None)),
        ("netflixes over udp, 1,000 packets", (None, "udp", 1000)),
        ("something else", (None, None, None)),
    ],
)
def test_what_a_free_text_names(text, found) -> None:
    assert tuple(vars(named_in(text, ["netflix", "net", "net-flix"])).values()) == found


def test_numbers_join_the_word_that_says_of_what() -> None:
    said = prompt(TEMPLATES[0], "dns-over-tls", "tcp", FACTS)
    assert words_of(said) == ["dns-over-tls", "tcp", "60~packets", "15000~bytes", "0.015~s", "port~443"]
    assert words_of("about 190 packets") == ["about", "200~packets"]
    assert len(words_of("word " * 99)) == MOST_WORDS
    one, two, none = word_ids(["190 packets", "200 packets", ""])
    assert one.equal(two)
    assert not none.any()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "1 to 64 templates, one a line, in f; got 0"),
        (["{host}"], r"with {label}, .* in f; got {host}"),
        (["{label!r}"], "got {label}"),
        (["{label"], "double braces"),
        (["x" * 401], "got one of 401 characters"),
    ],
)
def test_templates_are_checked(lines, words) -> None:
    with pytest.raises(InputError, match=words):
        checked_templates(lines, "f")


def test_comments_and_blank_lines_are_no_templates() -> None:
    assert checked_templates(["# mine", "", " {label} "], "f") == ["{label}"]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"rank": 4}, "--image prompt for --rank; got another image"),
        ({"image": "prompt", "contexts": 2}, "options that have a meaning for --image prompt; got --contexts"),
        ({"image": "prompt", "scale": "log"}, "got --scale"),
        ({"image": "promt"}, "an image among gasf, series, fields, prompt; got 'promt'"),
        ({"image": "prompt", "resolution": "8"}, "--resolution auto, or HxW"),
        ({"image": "prompt", "steps": 1, "minutes": 1.0}, "--minutes or --steps"),
        ({"image": "prompt", "preset": "tiny"}, "no --preset beside --image prompt"),
    ],
)
def test_options_that_do_not_fit_are_refused(chosen, words) -> None:
    with pytest.raises(InputError, match=words):
        train_options(**chosen)


def test_a_base_is_a_folder_with_a_model_of_a_known_family(tmp_path) -> None:
    from pathlib import Path

    with pytest.raises(InputError, match=r"which is no folder .models elsewhere are never fetched.; download"):
        Foundation.of(Path("stabilityai/stable-diffusion-3-medium"))
    with pytest.raises(InputError, match=r"\(model_index.json\) for --base; got .*, which has none"):
        Foundation.of(tmp_path)
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    with pytest.raises(InputError, match=r"StableDiffusion3Pipeline.* for --base; got 'FluxPipeline'"):
        Foundation.of(tmp_path)


def test_without_the_extra_one_sentence_says_how_to_install_it(monkeypatch) -> None:
    from netdiffus.models.prompts import extra

    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "peft" else object())
    with pytest.raises(InputError, match=r"got no peft; install them: pip install 'netdiffus\[sd\]'"):
        extra.check_extra()


def test_too_little_memory_is_said(monkeypatch) -> None:
    from netdiffus.models.prompts import foundation

    monkeypatch.setattr(foundation, "free_bytes", lambda: 10**9)
    foundation.check_memory(10**8, "it")
    with pytest.raises(InputError, match=r"about 8.0 GB of free memory for it; got 1.0 GB; choose --precision bf16"):
        foundation.check_memory(8 * 10**9, "it")
