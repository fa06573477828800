"""Models in an object store while they are trained: whole at any moment, and gone on with from there."""

import json
from pathlib import Path

import pytest

from netdiffus import train
from netdiffus.errors import InputError
from netdiffus.models.options import train_options
from netdiffus.steps.train import train as step_train
from netdiffus.steps.train import train_together
from netdiffus.store import copies, saves
from netdiffus.store.copies import fetched
from netdiffus.store.model import FILES, changed_since, mark_of
from netdiffus.store.objects import objects_below, send
from netdiffus.store.saves import MANIFEST, Saves

pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def written(folder: Path, said: str, *names: str) -> Path:
    """A folder as a model's, whose files all say the same."""
    for name in names or (MANIFEST, "weights.safetensors", "resume/state.safetensors"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(said)
    return folder


def read(path: Path) -> set[str]:
    """What the files of a model in a store say."""
    with fetched(path) as folder:
        return {file.read_text() for file in folder.rglob("*") if file.is_file()}


def names(path: Path) -> set[str]:
    return {each.relative_to(path).as_posix() for each in objects_below(path)}


def test_readers_find_the_former_or_the_newer_model_after_every_object(place, tmp_path, monkeypatch) -> None:
    model, seen = Path(place("model")), list[set[str]]()

    def look(do, *told: object) -> None:
        do(*told)
        if objects_below_or_none(model) and (found := read(model)):
            seen.append(found)

    send(written(tmp_path / "theirs", "0") / MANIFEST, Path(place("model/notes/theirs")))
    for number in range(1, 3):
        written(tmp_path / str(number), str(number))
    these = Saves.found(model, FILES)
    these.add(tmp_path / "1")
    monkeypatch.setattr(saves, "send", lambda *told: look(send, *told))
    monkeypatch.setattr(saves, "remove", lambda path, do=saves.remove: look(do, path))
    these.add(tmp_path / "2")
    assert seen == sorted(seen, key=max)
    assert {frozenset(found) for found in seen} == {frozenset("1"), frozenset("2")}
    these.settle(written(tmp_path / "3", "3"))
    assert {frozenset(found - {"0"}) for found in seen} == {frozenset(each) for each in "123"}
    assert names(model) == {MANIFEST, "weights.safetensors", "resume/state.safetensors", "notes/theirs"}
    seen.clear()
    again = Saves.found(model, FILES)
    again.settle(written(tmp_path / "4", "4", MANIFEST, "weights.safetensors"))
    assert {frozenset(found - {"0"}) for found in seen} == {frozenset("3"), frozenset("4")}
    assert names(model) == {MANIFEST, "weights.safetensors", "notes/theirs"}


def objects_below_or_none(path: Path) -> list[Path]:
    """What is below; nothing while there is nothing."""
    try:
        return objects_below(path)
    except InputError:
        return []


def test_a_copy_that_others_replace_meanwhile_is_made_again(place, tmp_path, monkeypatch) -> None:
    model = Path(place("model"))
    these = Saves.found(model, FILES)
    these.settle(written(tmp_path / "1", "1"))
    fetch_to, turns = copies.fetch_to, iter((["2"], ["3", "4", "5"]))

    def meanwhile(path: Path, target: Path) -> Path:
        found = fetch_to(path, target)
        for number in next(turns, []):
            these.add(written(tmp_path / number, number))
        return found

    monkeypatch.setattr(copies, "fetch_to", meanwhile)
    assert read(model) == {"1"}  # nothing of it was replaced
    assert read(model) == {"5"}  # the second is gone
    monkeypatch.setattr(copies, "fetch_to", lambda path, target: these.settle(tmp_path / "1") or fetch_to(path, target))
    these.settle(tmp_path / "1")
    times = iter(range(99))
    monkeypatch.setattr(copies, "listed", lambda path: {model / MANIFEST: (1, next(times))})
    with pytest.raises(InputError, match="objects that stay the same while they are copied"):
        read(model)


def test_a_save_that_fails_leaves_the_former(place, tmp_path, monkeypatch) -> None:
    model = Path(place("model"))
    these = Saves.found(model, FILES)
    these.add(written(tmp_path / "1", "1"))
    before = names(model)

    def fail(file: Path, path: Path) -> None:
        if path.name == MANIFEST:
            raise OSError(5, "broken")
        send(file, path)

    monkeypatch.setattr(saves, "send", fail)
    for save in (these.add, these.settle):
        with pytest.raises(OSError, match="broken"):
            save(written(tmp_path / "2", "2"))
        assert names(model) == before
    assert read(model) == {"1"}


def steps(model: Path) -> list[int]:
    with fetched(model) as folder:
        return [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_training_to_a_store_is_saved_there_and_gone_on_with(place, small_dataset, monkeypatch) -> None:
    monkeypatch.setattr("netdiffus.steps.train.SAVE_EVERY_S", 0.0)  # after every step
    model, options = Path(place("model")), train_options("tiny", steps=6)
    training = step_train(small_dataset, model, options)
    for record in training:
        if record.step == 4:
            break
    assert steps(model) == [1, 2, 3]
    assert len(names(model)) == 2 * len(FILES)  # the former one, and this
    lost = mark_of(model)
    assert changed_since(model, "")
    assert not changed_since(model, lost)
    with pytest.raises(SystemExit):
        training.throw(SystemExit())  # as where the process dies
    assert mark_of(model) == lost
    again = train_together(small_dataset, model, options, resume=True)
    assert next(again).step == 4
    again.close()
    assert changed_since(model, lost)
    assert steps(model) == [1, 2, 3, 4]
    with pytest.raises(InputError, match=r"nothing that a store holds is replaced; got .*model; name another"):
        train(small_dataset, model, preset="tiny", steps=6)
    train(small_dataset, model, preset="tiny", steps=6, resume=True)
    assert steps(model) == [1, 2, 3, 4, 5, 6]
    assert names(model) == set(FILES)
    with pytest.raises(InputError, match=r"a model with resume/ at \S+/none for --resume; got none"):
        train(small_dataset, place("none"), preset="tiny", steps=6, resume=True)
