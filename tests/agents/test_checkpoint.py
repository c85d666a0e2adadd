import json
from pathlib import Path

import pytest
import torch

from agents import checkpoint
from agents.checkpoint import prefixed, read_bundle, under, write_bundle
from agents.errors import CheckpointError

TENSORS = {"a.x": torch.arange(5), "a.y": torch.tensor([1.5, -2.0]), "b.x": torch.tensor([1, 2], dtype=torch.uint8)}


def test_a_bundle_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_bundle(tmp_path / "new" / "folder", "model", TENSORS, {"tau": 0.1, "names": ["a"]})
    tensors, description = read_bundle(tmp_path / "new" / "folder", "model")
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype
    assert description["tau"] == 0.1
    assert description["names"] == ["a"]


@pytest.mark.parametrize("crash_at", [1, 2, 3])
def test_a_crash_while_writing_leaves_the_old_bundle_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    write_bundle(tmp_path, "model", TENSORS, {"version": "old"})
    replace, calls = checkpoint._replace, []

    class KilledError(BaseException):
        pass

    def killed(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) == crash_at:
            raise KilledError
        replace(path, content)

    monkeypatch.setattr(checkpoint, "_replace", killed)
    try:
        write_bundle(tmp_path, "model", {"a.x": torch.zeros(3)}, {"version": "new"})
    except KilledError:
        assert crash_at < 3
    monkeypatch.undo()
    tensors, description = read_bundle(tmp_path, "model")
    assert description["version"] == ("old" if crash_at < 3 else "new")
    assert len(tensors["a.x"]) == (5 if crash_at < 3 else 3)
    write_bundle(tmp_path, "model", TENSORS, {"version": "next"})
    assert len(list(tmp_path.iterdir())) == 2


def test_kinds_do_not_disturb_each_other(tmp_path: Path) -> None:
    write_bundle(tmp_path, "model", TENSORS, {})
    write_bundle(tmp_path, "checkpoint", {"z": torch.zeros(1)}, {})
    assert read_bundle(tmp_path, "model")[0].keys() == TENSORS.keys()
    assert read_bundle(tmp_path, "checkpoint")[0].keys() == {"z"}


def damage(directory: Path, what: str) -> None:
    path, tensors = directory / "model.json", next(directory.glob("*.safetensors"))
    description = json.loads(path.read_text())
    match what:
        case "no json":
            path.unlink()
        case "broken json":
            path.write_text("{")
        case "other json":
            path.write_text("[1, 2]")
        case "other format":
            path.write_text(json.dumps({**description, "format": 99}))
        case "other kind":
            path.write_text(json.dumps({**description, "kind": "corpus"}))
        case "no tensors":
            tensors.unlink()
        case "a flipped byte":
            content = bytearray(tensors.read_bytes())
            content[-1] ^= 1
            tensors.write_bytes(content)
        case "a cut file":
            tensors.write_bytes(tensors.read_bytes()[:-4])
        case "another file":
            import hashlib

            tensors.write_bytes(b"RIFF")
            path.write_text(json.dumps({**description, "sha256": hashlib.sha256(b"RIFF").hexdigest()}))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no json", "holds no model"),
        ("broken json", "cannot be read"),
        ("other json", "does not describe a model"),
        ("other format", "of format 99, expected a model of format 1"),
        ("other kind", "is a corpus of format 1"),
        ("no tensors", "cannot be read"),
        ("a flipped byte", "is damaged"),
        ("a cut file", "is damaged"),
        ("another file", "is not a safetensors file"),
    ],
)
def test_a_damaged_bundle_is_named_in_one_line_with_a_remedy(tmp_path: Path, what: str, message: str) -> None:
    write_bundle(tmp_path, "model", TENSORS, {})
    damage(tmp_path, what)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_bundle(tmp_path, "model")
    text = str(caught.value)
    assert "\n" not in text
    assert str(tmp_path) in text
    assert "train again" in text


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="choose another directory"):
        write_bundle(tmp_path / "file", "model", TENSORS, {})


def test_prefixes() -> None:
    assert under("a", TENSORS).keys() == {"x", "y"}
    assert prefixed("c", under("b", TENSORS)).keys() == {"c.x"}
