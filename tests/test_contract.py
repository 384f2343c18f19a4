"""The contract as a document: what is taken, and which message a wrong one gets."""

import json
from typing import Any

import pytest
from tiny_network import tiny_contract

from vrfer.contract import Contract, read_contract
from vrfer.crop import CropGeometry
from vrfer.errors import ModelContractError
from vrfer.expressions import EXPRESSIONS

FIGURES = {
    "split": "test", "pictures": 3573, "accuracy": 0.8, "accuracy_low": 0.79,
    "accuracy_high": 0.81, "macro_f1": 0.6, "ece": 0.02, "kl_nats": 0.5,
}  # fmt: skip


def read(document: Any) -> Contract:
    return read_contract(json.dumps(document), file="some.onnx")


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in tiny_contract().items() if field != name}


def test_a_whole_contract_is_read() -> None:
    contract = read(tiny_contract(figures=[FIGURES], unsure_below=0.25))
    assert contract.classes == EXPRESSIONS
    assert (contract.input.height, contract.input.width) == (56, 112)
    assert contract.region == "lower-half"
    assert contract.crop == CropGeometry()
    assert contract.unsure_below == 0.25
    assert contract.figures[0].pictures == 3573


def test_what_is_written_is_read_back() -> None:
    contract = read(tiny_contract(figures=[FIGURES]))
    assert read_contract(contract.model_dump_json(), file="some.onnx") == contract


def test_a_full_face_may_be_square() -> None:
    square = {"name": "patches", "height": 112, "width": 112, "color": "gray"}
    assert read(tiny_contract(region="full-face", input=square)).region == "full-face"


@pytest.mark.parametrize("name", ["schema_version", "classes", "figures"])
def test_what_has_a_default_may_be_missing(name: str) -> None:
    assert read(without(name)) == read(tiny_contract())


@pytest.mark.parametrize(
    "name",
    ["name", "architecture", "region", "input", "crop", "temperature", "unsure_below", "training"],
)
def test_every_other_field_is_needed(name: str) -> None:
    with pytest.raises(ModelContractError, match=f"{name}: Field required"):
        read(without(name))


INPUT = tiny_contract()["input"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"schema_version": "1"}, "schema_version"),
        ({"classes": list(reversed(EXPRESSIONS))}, "in this order"),
        ({"classes": list(EXPRESSIONS[:7])}, "in this order"),
        ({"classes": [*EXPRESSIONS, "boredom"]}, "in this order"),
        ({"classes": "neutral"}, "classes"),
        ({"region": "upper-half"}, "region"),
        ({"input": INPUT | {"color": "bgr"}}, "input.color"),
        ({"input": INPUT | {"name": "input"}}, "input.name"),
        ({"input": INPUT | {"height": 4}}, "input.height"),
        ({"input": INPUT | {"depth": 1}}, "input.depth"),
        ({"crop": {"face_px": 47}}, "crop.face_px"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": None}, "temperature"),
        ({"unsure_below": 1.5}, "unsure_below"),
        ({"figures": [FIGURES | {"accuracy": "good"}]}, "figures.0.accuracy"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_a_wrong_field_is_named_in_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelContractError) as caught:
        read(tiny_contract(**changes))
    line = str(caught.value)
    assert "\n" not in line
    assert "some.onnx" in line
    assert said in line
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "{", "not JSON", "[]", "null", "8", '"text"', "{}\n{}"])
def test_what_is_no_json_object_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ModelContractError, match=r"some\.onnx carries a contract") as caught:
        read_contract(text, file="some.onnx")
    assert "\n" not in str(caught.value)


def test_no_document_is_an_error_of_its_own() -> None:
    with pytest.raises(ModelContractError, match=r"some\.onnx carries no vrfer contract"):
        read_contract(None, file="some.onnx")
