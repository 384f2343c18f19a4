import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training.made_up import stage, tiny_recipe
from typer.testing import CliRunner

from vrfer.errors import RecipeError
from vrfer.training.average import average
from vrfer.training.begin import Given
from vrfer.training.checkpoint import RunState, load_state, save_state
from vrfer.training.commands import app
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import fit
from vrfer.training.provenance import file_in_brief, file_in_words
from vrfer.training.subject import of_checkpoint

Finished = tuple[Path, RunState]


def two_of_one_lineage(data: FerPlus, folder: Path) -> list[Path]:
    """Two short trainings, the second from where the first ended."""
    paths = []
    for seed in (3, 4):
        recipe = tiny_recipe(
            network="mobilenet",
            start="checkpoint" if paths else "scratch",
            seed=seed,
            stages=[stage(average=0.5)],
            name=f"seed-{seed}",
        )
        given = Given(start=paths[0]) if paths else Given()
        fit(recipe, data, folder / str(seed), accelerator="cpu", given=given)
        paths.append(folder / str(seed) / "full-face.pt")
    return paths


def test_the_average_is_a_checkpoint_of_the_mean_weights(data: FerPlus, tmp_path: Path) -> None:
    paths = two_of_one_lineage(data, tmp_path)
    out = tmp_path / "mean.pt"
    result = CliRunner().invoke(app, ["average", *map(str, paths), "--out", str(out)])
    assert result.exit_code == 0, result.output
    first, second, mean = (load_state(path) for path in (*paths, out))
    changed = 0
    for name, weights in mean.network.items():
        if not weights.is_floating_point():
            continue
        expected = (first.measured[name] + second.measured[name]) / 2
        torch.testing.assert_close(weights, expected, msg=name)
        changed += not torch.equal(weights, first.measured[name])
    assert changed
    assert mean.recipe.name == "seed-4-average"
    assert mean.recipe.stages == second.recipe.stages
    assert file_in_words(out).startswith("the average of 2 networks' weights: seed-3")
    assert mean.average is None
    assert of_checkpoint(out, "ferplus", region=None, occlusion=None).recipe == "seed-4-average"


def test_a_training_goes_on_from_an_average(data: FerPlus, tmp_path: Path) -> None:
    paths = two_of_one_lineage(data, tmp_path)
    out = tmp_path / "mean.pt"
    CliRunner().invoke(app, ["average", *map(str, paths), "--out", str(out)])
    recipe = tiny_recipe(network="mobilenet", start="checkpoint", stages=[stage()], name="further")
    state = fit(recipe, data, tmp_path / "on", accelerator="cpu", given=Given(start=out))
    assert "the average of 2" in state.lineage


def test_what_cannot_be_averaged_is_said(finished: Finished, tmp_path: Path) -> None:
    full, lower = finished[0] / "full-face.pt", finished[0] / "lower-half.pt"
    with pytest.raises(RecipeError, match=r"a vgg_f of the full-face.* of the lower-half"):
        average([full, lower], tmp_path / "x.pt")
    with pytest.raises(RecipeError, match="one checkpoint has no average"):
        average([full], tmp_path / "x.pt")
    with pytest.raises(RecipeError, match="for going on with the run"):
        average([full, finished[0] / "last.pt"], tmp_path / "x.pt")
    before = full.read_bytes()
    for out in (full, tmp_path / "last.pt", finished[0] / "new.pt"):
        with pytest.raises(RecipeError, match="is a run's, or exists"):
            average([full, full], out)
    assert full.read_bytes() == before
    wider = tmp_path / "wider"
    shutil.copytree(finished[0], wider)
    state = load_state(full)
    name = "trunk.conv1.weight"
    weights = {**state.network, name: state.network[name][:, :, :-1]}
    save_state(replace(state, network=weights), wider / "full-face.pt")
    with pytest.raises(RecipeError, match="of other shapes"):
        average([wider / "full-face.pt", full], tmp_path / "x.pt")
    result = CliRunner().invoke(app, ["average", str(full), str(full), "--out", "x.onnx"])
    assert "is no name for a checkpoint" in str(result.exception)


def test_in_brief_an_average_says_what_it_is(data: FerPlus, tmp_path: Path) -> None:
    out = tmp_path / "mean.pt"
    average(two_of_one_lineage(data, tmp_path), out)
    assert file_in_brief(out).startswith("the average of 2 networks' weights: seed-3")
