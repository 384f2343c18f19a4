from pathlib import Path

import pytest
import torch
from training.made_up import stage, tiny_recipe
from typer.testing import CliRunner

from vrfer.errors import RecipeError
from vrfer.training.average import averaged
from vrfer.training.begin import Given
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.commands import app
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import fit

Finished = tuple[Path, RunState]


def two_of_one_lineage(finished: Finished, data: FerPlus, folder: Path) -> list[Path]:
    """Two short trainings from the same checkpoint, one by seed 3, one by seed 4."""
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


def test_the_average_is_a_checkpoint_of_the_mean_weights(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    paths = two_of_one_lineage(finished, data, tmp_path)
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
    assert mean.recipe == second.recipe
    assert "the average of 2 networks' weights: seed-3" in mean.lineage
    assert mean.average is None


def test_a_training_goes_on_from_an_average(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    paths = two_of_one_lineage(finished, data, tmp_path)
    out = tmp_path / "mean.pt"
    CliRunner().invoke(app, ["average", *map(str, paths), "--out", str(out)])
    recipe = tiny_recipe(network="mobilenet", start="checkpoint", stages=[stage()], name="further")
    state = fit(recipe, data, tmp_path / "on", accelerator="cpu", given=Given(start=out))
    assert "the average of 2" in state.lineage


def test_what_cannot_be_averaged_is_said(finished: Finished, tmp_path: Path) -> None:
    full, lower = finished[0] / "full-face.pt", finished[0] / "lower-half.pt"
    with pytest.raises(RecipeError, match=r"a vgg_f of the full-face.* of the lower-half"):
        averaged([full, lower])
    with pytest.raises(RecipeError, match="one checkpoint has no average"):
        averaged([full])
    with pytest.raises(RecipeError, match="for going on with the run"):
        averaged([full, finished[0] / "last.pt"])
    result = CliRunner().invoke(app, ["average", str(full), str(full), "--out", "x.onnx"])
    assert "is no name for a checkpoint" in str(result.exception)
