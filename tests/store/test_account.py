"""Accounts of strangers are no reason to stop, and no reason to replace anything."""

import json

import pytest

from netdiffus.store.account import account_path, check_result, is_accounted, sha256

OURS = {"netdiffus": "0.1.0", "result": "ab", "files": {"x.pcap": 1}}


@pytest.mark.parametrize(
    "said",
    [
        "Dear reader", "[]", "{}", "3", "[" * 100_000, '{"sha256": ' + "1" * 5000 + "}",
        {"files": {"../x": 1}}, {"files": {"a/b": 1}}, {"files": []}, {"sha256": []}, {"sha256": {"../x": "a"}},
        {"netdiffus": 1}, {"result": None},
    ],
)  # fmt: skip
def test_what_is_no_account(said, tmp_path) -> None:
    capture = tmp_path / "x.pcap"
    capture.write_bytes(b"packets")
    whole = OURS | {"sha256": {"x.pcap": sha256(capture), "x.pcap.labels.csv": ""}}
    account_path(capture).write_text(json.dumps(whole))
    assert is_accounted(capture)
    assert is_accounted(account_path(capture))
    account_path(capture).write_text(said if isinstance(said, str) else json.dumps(whole | said))
    check_result(capture)
    assert is_accounted(capture) is None
    assert is_accounted(account_path(capture)) is None
