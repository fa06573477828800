"""What the flows of a session follow: events of earlier flows."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.traffic.session_links import ANSWERED, BEGUN, ENDED, NEVER, linked_starts, links_of

S = 1_000_000_000


def links(*rows: tuple[float, float, float], lookup=(), fresh=()):
    """Of one session's flows (begun, answered, ended) in seconds; a negative time is none."""
    times = np.array([[NEVER if each < 0 else round(each * S) for each in row] for row in rows], np.int64)
    marks = (np.isin(np.arange(len(rows)), some) for some in (lookup, fresh))
    found = links_of(np.zeros(len(rows), np.int64), times, *marks)
    return list(zip(found.back.tolist(), found.event.tolist(), (found.delay_ns / S).tolist(), strict=True))


def test_a_flow_follows_the_latest_event_before_it() -> None:
    assert links((0, 1, 5), (1.5, 2, 3), (4, -1, 4)) == [(0, 0, 0), (1, ANSWERED, 0.5), (1, ENDED, 1.0)]


def test_a_flow_that_begins_beside_another_follows_its_beginning() -> None:
    assert links((0, 1, 5), (0.25, 1, 5))[1] == (1, BEGUN, 0.25)


def test_a_new_server_follows_the_look_up_that_was_answered() -> None:
    """Something else happens in between, but the look-up tells the address."""
    rows = (0, 1, 1), (0.5, 1.5, 3), (2, 3, 4)
    assert links(*rows, lookup=[0], fresh=[2])[2] == (2, ENDED, 1.0)
    assert links(*rows, lookup=[0])[2] == (1, ANSWERED, 0.5)
    assert links((0, 1, 1), (0.5, 1.5, 3), (20, 21, 22), lookup=[0], fresh=[2])[2] == (1, ENDED, 17.0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_links_lead_to_the_times_that_they_were_taken_from(data) -> None:
    whole = st.integers(0, 20)
    sizes = data.draw(st.lists(st.integers(1, 70), min_size=1, max_size=3))
    session = np.repeat(np.arange(len(sizes)), sizes)
    gaps = np.array(data.draw(st.lists(whole, min_size=len(session), max_size=len(session))), np.int64)
    first = np.flatnonzero(np.diff(session, prepend=-1))
    gaps[first] = 0
    total = np.cumsum(gaps)
    start = total - total[first][session]
    answer, end = (np.array(data.draw(st.lists(whole, min_size=len(start), max_size=len(start)))) for _ in range(2))
    silent = np.array(data.draw(st.lists(st.booleans(), min_size=len(start), max_size=len(start))))
    events = np.stack([np.zeros(len(start), np.int64), np.where(silent, NEVER, answer), np.maximum(answer, end)], 1)
    times = np.where(events == NEVER, NEVER, events + start[:, None])
    lookup, fresh = rng_marks(len(start)), ~rng_marks(len(start))
    found = links_of(session, times, lookup, fresh)
    assert (found.delay_ns >= 0).all()
    assert linked_starts(session, found, events).tolist() == start.tolist()


def rng_marks(count: int) -> np.ndarray:
    return np.random.default_rng(count).random(count) < 0.4
