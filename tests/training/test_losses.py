import pytest
import torch

from vrfer.training.batches import Batch
from vrfer.training.losses import balancing_weights, picture_losses


def batch_of(votes: torch.Tensor) -> Batch:
    return Batch(torch.zeros(len(votes), 1, 2, 2), votes, None)


def test_multi_target_asks_for_the_likeliest_of_the_right_expressions() -> None:
    logits = torch.tensor([[3.0, 1.0, 0, 0, 0, 0, 0, 5.0]])
    probabilities = logits.softmax(dim=1)[0]
    votes = torch.full((1, 8), 0.001)
    votes[0, :2] = 1
    loss = picture_losses(logits, batch_of(votes), labels="multi-target")
    assert float(loss) == pytest.approx(-float(probabilities[0].log()), rel=1e-5)


def test_balanced_weights_make_every_expression_count_alike() -> None:
    votes = torch.eye(8)[[0] * 6 + [1] * 3 + [2]]
    weights = balancing_weights(votes)
    assert (votes @ weights).mean() == pytest.approx(1)
    counts = votes.sum(dim=0)
    assert (counts * weights)[:3].tolist() == pytest.approx([10 / 3] * 3)
    assert weights[3:].tolist() == [0] * 5
    losses = picture_losses(torch.zeros(10, 8), batch_of(votes), class_weights=weights)
    plain = picture_losses(torch.zeros(10, 8), batch_of(votes))
    torch.testing.assert_close(losses, plain * (votes @ weights))
