from dataclasses import replace
from pathlib import Path

import pytest
from training.made_up import stage, tiny_recipe

from vrfer.training.checkpoint import RunState
from vrfer.training.provenance import PHOTOGRAPHS_TERMS, data_in_words, in_brief, in_words, terms


def taught(state: RunState) -> RunState:
    """The same run with photographs and a teacher."""
    learning = stage(region="lower-half", distillation={"weight": 0.5})
    recipe = tiny_recipe(name="student", stages=[learning], data={"photographs": True})
    last = replace(state.history[-1], stage=0)
    return replace(state, recipe=recipe, taught_by=(in_words(state),), history=[last])


def test_teachers_and_photographs_are_named(finished: tuple[Path, RunState]) -> None:
    state = finished[1]
    assert data_in_words(state) == (
        "FER+ (label.csv votes), majority labels, leak-free training list"
    )
    assert terms(state) != terms(taught(state))
    words = data_in_words(taught(state))
    assert "labelled by the teachers" in words
    assert words.endswith(f"teachers: {in_words(state)}")


def test_what_earlier_runs_learned_from_is_not_forgotten(finished: tuple[Path, RunState]) -> None:
    later = replace(finished[1], lineage=in_words(taught(finished[1])))
    assert PHOTOGRAPHS_TERMS in terms(later)
    assert "student (seed 3, lower-half)" in in_words(later)


@pytest.mark.parametrize(
    ("dataset", "named", "unnamed"),
    [
        ("ferplus", ("FER+",), ("AffectNet", "own pictures")),
        ("affectnet", ("AffectNet",), ("FER+", "own pictures")),
        ("ferplus+affectnet", ("FER+", "AffectNet"), ("own pictures",)),
        ("folders", ("own pictures",), ("FER+", "AffectNet")),
    ],
)
def test_the_data_that_were_learned_from_are_named_and_no_others(
    dataset: str, named: tuple[str, ...], unnamed: tuple[str, ...]
) -> None:
    state = RunState(tiny_recipe(data={"dataset": dataset, "per_class": 9}), 120.0, {})
    said = data_in_words(state)
    assert all(name in said for name in named)
    assert not any(name in said for name in unnamed)
    about = {"FER+": "FER2013", "AffectNet": "AffectNet", "own pictures": "their owner knows"}
    assert all((text in terms(state)) == (name in named) for name, text in about.items())


def test_in_brief_all_data_and_the_first_weights_are_named(
    finished: tuple[Path, RunState],
) -> None:
    first = replace(
        finished[1],
        recipe=tiny_recipe(data={"dataset": "affectnet"}),
        lineage="a face network (its terms).",
    )
    later = replace(taught(finished[1]), lineage=in_words(first))
    brief = in_brief(later)
    assert brief.startswith("student (seed 3, lower-half), trained on FER+ (label.csv votes)")
    assert "before on AffectNet" in brief
    assert brief.endswith("first of all from: a face network (its terms).")
    assert "teachers: " not in brief
    assert terms(replace(finished[1], lineage=brief)) == terms(
        replace(finished[1], lineage=in_words(later))
    )
