import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vrfer.shipped import default_model
from vrfer.training.evaluate import open_network

ROOT = Path(__file__).resolve().parents[2]
EVALUATION = ROOT / "training" / "results" / "lower-face.json"


def test_the_readmes_table_is_what_was_measured(tmp_path: Path) -> None:
    made = tmp_path / "README.md"
    script = [sys.executable, str(ROOT / "scripts" / "can_do_table.py"), "--to", str(made)]
    subprocess.run(script, check=True, cwd=tmp_path)
    text = made.read_text(encoding="utf-8")
    assert text == (ROOT / "README.md").read_text(encoding="utf-8"), "run scripts/can_do_table.py"


def test_rare_expressions_are_said_to_be_too_few() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = {line.split(" | ")[0]: line for line in lines if line.startswith("| ")}
    for name, count in measured()["class_pictures"].items():
        assert f"% of {count} |" in rows[f"| {name}"]
        assert ("too few pictures to tell" in rows[f"| {name}"]) is (count <= 50)


def test_the_figures_are_the_shipped_networks() -> None:
    contract = open_network(default_model())[1]
    (shipped,) = (figures for figures in contract.figures if figures.split == "test")
    assert measured()["accuracy"] == pytest.approx(shipped.accuracy)
    assert measured()["macro_f1"] == pytest.approx(shipped.macro_f1)


def measured() -> dict[str, Any]:
    figures = json.loads(EVALUATION.read_text(encoding="utf-8"))
    (found,) = (one for one in figures["measures"] if one["split"] == "test")
    return dict(found)
