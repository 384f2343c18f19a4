"""What training minimises: the cross-entropy to people's votes, and its variants."""

import torch
from torch import Tensor, nn

from vrfer.training.batches import Batch
from vrfer.training.recipe import Distillation, Labels


def picture_losses(
    logits: Tensor,
    batch: Batch,
    *,
    labels: Labels = "soft",
    distillation: Distillation | None = None,
    class_weights: Tensor | None = None,
    live: Tensor | None = None,
) -> Tensor:
    """Return the loss of each picture, nats.

    Args:
        logits: N x 8.
        batch: The N pictures with their labels.
        labels: The kind of labels; `multi-target` asks for the likeliest of the accepted
            expressions alone (Barsoum et al., ICMI 2016, section 4).
        distillation: Mixes in the cross-entropy to the teachers' answers, multiplied by the
            squared temperature, which keeps its gradients at the size of the votes' (Hinton et
            al., 2015).
        class_weights: Factor of each expression.
        live: N x 8 probabilities, what live teachers say of these very pictures.

    Returns:
        N losses.
    """
    if labels == "multi-target":
        losses = -(batch.votes.clamp(min=1e-8).log() + logits.log_softmax(dim=1)).amax(dim=1)
    else:
        losses = nn.functional.cross_entropy(logits, batch.votes, reduction="none")
    if class_weights is not None:
        losses = losses * (batch.votes @ class_weights)
    if distillation is None or batch.taught is None:
        return losses
    weight, temperature = distillation.weight, distillation.temperature
    from_teachers = weight * _from_answers(logits, batch.taught, temperature)
    if live is None:
        return (1 - weight) * losses + from_teachers
    from_live = distillation.live * _from_answers(logits, live, temperature)
    return (1 - weight - distillation.live) * losses + from_teachers + from_live


def _from_answers(logits: Tensor, answers: Tensor, temperature: float) -> Tensor:
    softer = (answers.clamp(min=1e-8).log() / temperature).softmax(dim=1)
    losses = nn.functional.cross_entropy(logits / temperature, softer, reduction="none")
    return temperature**2 * losses


def balancing_weights(votes: Tensor) -> Tensor:
    """Return eight factors, inversely proportional to the expressions' shares.

    Their mean over the pictures is 1 (the weighted loss of Mollahosseini et al., AffectNet, 2019).

    Args:
        votes: N x 8 labels; an expression that nobody shows gets 0.
    """
    shares = votes.mean(dim=0)
    present = shares > 0
    return torch.where(present, 1 / (present.sum() * shares.clamp(min=1e-8)), 0.0)
