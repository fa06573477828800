"""Words of a prompt as places in a table of learned vectors: hashed, so that there is no vocabulary to keep.

A number is rounded as facts are and joined to the word beside it that says of what, so that "about 190 packets" meets
"200 packets". Hashing: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from netdiffus.models.prompts.facts import as_words

ROWS = 4096
"""Rows of the table; row 0 pads."""
MOST_WORDS = 24
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d][\w-]*")
UNITS = {"packets": "packets", "packet": "packets", "bytes": "bytes", "byte": "bytes", "s": "s", "seconds": "s"}


def words_of(text: str) -> list[str]:
    """The words of a text, at most MOST_WORDS: "200 packets, port 443" is 200~packets and port~443."""
    tokens = _TOKEN.findall(text.lower())
    found, place = [], 0
    while place < len(tokens):
        token = tokens[place]
        after = UNITS.get(tokens[place + 1]) if place + 1 < len(tokens) else None
        if token[0].isdigit():
            number = float(token.replace(",", ""))
            found.append(f"{as_words(number)}~{after}" if after else f"{number:g}")
            place += 2 if after else 1
        elif token == "port" and place + 1 < len(tokens) and tokens[place + 1].isdigit():
            found.append(f"port~{int(tokens[place + 1])}")
            place += 2
        else:
            found.append(token)
            place += 1
    return found[:MOST_WORDS]


def word_ids(texts: Sequence[str]) -> Tensor:
    """Places in the table (B, MOST_WORDS) int64; 0 where there is no word."""
    ids = torch.zeros(len(texts), MOST_WORDS, dtype=torch.int64)
    for row, text in zip(ids, texts, strict=True):
        places = [1 + zlib.crc32(word.encode()) % (ROWS - 1) for word in words_of(text)]
        row[: len(places)] = torch.tensor(places, dtype=torch.int64)
    return ids


class WordEncoder(nn.Module):
    """Texts → vectors (B, 1 + MOST_WORDS, width): one of the whole text, then one of each word."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(ROWS, width, padding_idx=0)
        self.whole = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.none = nn.Parameter(torch.zeros(width))

    def forward(self, ids: Tensor) -> Tensor:
        """Places (B, MOST_WORDS) → (B, 1 + MOST_WORDS, width)."""
        vectors = self.table(ids)
        there = (ids > 0).unsqueeze(-1)
        mean = (vectors * there).sum(1) / there.sum(1).clamp(min=1)
        words = torch.where(there, vectors, self.none)
        return torch.cat([(mean + self.whole(mean)).unsqueeze(1), words], dim=1)
