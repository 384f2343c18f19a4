"""Where a network comes from, in words: for checkpoints, contracts and cards."""

from collections.abc import Sequence
from pathlib import Path

from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.evaluate import open_network
from vrfer.training.predict import finished_stage
from vrfer.training.recipe_file import recipe_of

FERPLUS_TERMS = (
    "FER2013's pictures were gathered by web search and remain their owners'; no licence for them "
    "is known. The FER+ votes are Microsoft's, MIT licence. Research use."
)
PHOTOGRAPHS_TERMS = (
    "The photographs remain their owners' and mostly come without clear rights; none of them is in "
    "this file. Research use."
)
AFFECTNET_TERMS = "AffectNet is handed out for research under its authors' licence alone."
OWN_TERMS = "Of the pictures that it was trained on, their owner knows the terms."
_PHOTOGRAPHS = "faces of photographs"
_TERMS = {
    "FER+": FERPLUS_TERMS,
    "AffectNet": AFFECTNET_TERMS,
    "people's own pictures": OWN_TERMS,
    _PHOTOGRAPHS: PHOTOGRAPHS_TERMS,
}
"""By what names the data in words."""
_TEACHERS, _LIVE_TEACHERS = "; teachers: ", "; live teachers: "
_FROM = "from: "


def in_words(state: RunState) -> str:
    """Return which network a checkpoint holds, what it learned from, and where it began."""
    if state.averaged_of:
        return average_in_words(state.averaged_of)
    return _whole(*_of_checkpoint(state))


def file_in_words(path: Path) -> str:
    """Return what a network in a file is, as `in_words` says it.

    Args:
        path: A checkpoint (.pt) or an exported network (.onnx).

    Raises:
        VrferError: The file cannot be used.
    """
    return in_words(load_state(path)) if path.suffix != ".onnx" else _whole(*_of_exported(path))


def in_brief(state: RunState) -> str:
    """Return what a checkpoint's network is, without its teachers and what it was in between.

    All data behind it and its very first weights are named, for its terms depend on them.
    """
    if state.averaged_of:
        return average_in_words(state.averaged_of)
    return _brief(*_of_checkpoint(state))


def file_in_brief(path: Path) -> str:
    """Return what a network in a file is, as `in_brief` says it.

    Args:
        path: A checkpoint (.pt) or an exported network (.onnx).

    Raises:
        VrferError: The file cannot be used.
    """
    return in_brief(load_state(path)) if path.suffix != ".onnx" else _brief(*_of_exported(path))


def _of_checkpoint(state: RunState) -> tuple[str, str, str]:
    """Return a network's name, its data and where it began, in words."""
    recipe = state.recipe
    name = f"{recipe.name} (seed {recipe.seed}, {finished_stage(state).region})"
    return name, data_in_words(state), state.lineage


def _of_exported(path: Path) -> tuple[str, str, str]:
    """Return the same of an exported network."""
    contract = open_network(path)[1]
    recipe, training = recipe_of(contract), contract.training
    name = f"{recipe.name} (seed {recipe.seed}, {contract.region}, as exported)"
    return name, training.data, training.lineage


def _whole(name: str, data: str, lineage: str) -> str:
    return f"{name}, trained on {data}, which began {_FROM}{lineage}"


def _brief(name: str, data: str, lineage: str) -> str:
    own = data.partition(_TEACHERS)[0].partition(_LIVE_TEACHERS)[0]
    before = [known for known in _TERMS if known in f"{data} {lineage}" and known not in own]
    too = f"; itself or its teachers before on {', '.join(before)}" if before else ""
    return f"{name}, trained on {own}{too}, first of all {_FROM}{lineage.rpartition(_FROM)[2]}"


def data_in_words(state: RunState) -> str:
    """Return data sets, labels, lists and teachers."""
    data = state.recipe.data
    sets = []
    if "ferplus" in data.dataset:
        votes = "label.csv" if data.votes == "official" else "fer2013new.csv"
        sets.append(f"FER+ ({votes} votes), {data.labels} labels")
    if "affectnet" in data.dataset:
        most = "" if data.per_class is None else f", at most {data.per_class} of an expression"
        sets.append(f"AffectNet{most}")
    if data.dataset == "folders":
        sets.append("people's own pictures, a folder an expression")
    line = f"{' and '.join(sets)}, {data.training_list} training list"
    if data.photographs:
        line += f"; {_PHOTOGRAPHS}, half of them with drawn headsets, labelled by the teachers"
    for kind, named in ((_TEACHERS, state.taught_by), (_LIVE_TEACHERS, state.live_teachers)):
        if named:
            line += kind + "; ".join(named)
    return line


def average_in_words(networks: Sequence[str]) -> str:
    """Return what an average of weights is.

    Args:
        networks: Those that were averaged, each as `in_brief` says it.
    """
    return f"the average of {len(networks)} networks' weights: {'; '.join(networks)}"


def terms(state: RunState) -> str:
    """Return what the terms of all that it learned from, itself or before, mean for its use."""
    chain = f"{data_in_words(state)} {state.lineage}"
    return " ".join(text for name, text in _TERMS.items() if name in chain)
