"""What came under each label and what was left out of it."""

from netdiffus.traffic.labels.account import FILES, FLOWS, PACKETS, ROWS, LabelAccount, LeftOut


def test_what_was_left_out_stands_beside_what_came():
    account = LabelAccount()
    account.came("dns", ROWS, 60)
    account.leave_out("dns", ROWS, {"a size is negative": 40, "trace is empty": 20, "never": 0})
    account.came("web", FLOWS, 5)
    assert account.labels == ["dns", "web"]
    assert account.left_out({"web": 5}) == {
        "dns": [LeftOut(ROWS, 40, 60, "a size is negative"), LeftOut(ROWS, 20, 60, "trace is empty")]
    }


def test_packets_are_named_only_where_nothing_else_is_left():
    account = LabelAccount()
    account.came("wifi", PACKETS, 7)
    account.leave_out("wifi", PACKETS, {"not IP: ARP": 7})
    assert account.left_out({"wifi": 1}) == {}
    assert account.left_out({}) == {"wifi": [LeftOut(PACKETS, 7, 7, "not IP: ARP")]}


def test_accounts_of_several_sources_add_up():
    first, second = LabelAccount(), LabelAccount()
    for account in (first, second):
        account.came("dns", FILES, 2)
        account.leave_out("dns", FILES, {"file holds no packets": 1})
    first.add(second)
    assert first.left_out({}) == {"dns": [LeftOut(FILES, 2, 4, "file holds no packets")]}
