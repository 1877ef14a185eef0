from __future__ import annotations

import json

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DataError, DTypeError, OptionError, ShapeError
from glassgrad.nn import losses
from glassgrad.tracing import Spec, trace, trace_with

RNG = np.random.default_rng(0)
N, C = 6, 4
OUT = RNG.standard_normal((N, C)) * 2
TARGET = RNG.standard_normal((N, C)) * 2
YES = (RNG.random((N, C)) < 0.5).astype(float)
P = RNG.random((N, C)) * 0.98 + 0.01
LABELS = np.array([0, 3, 1, 1, 2, 3])
SHARES = P / P.sum(1, keepdims=True)
W = RNG.random(N)
CW = np.array([0.5, 1.0, 2.0, 0.25])

CASES = {
    "mse": (losses.MSE(), OUT, TARGET),
    "half_mse": (losses.HalfMSE(), OUT, TARGET),
    "half_sum_squares": (losses.HalfSumSquares(), OUT, TARGET),
    "mae": (losses.MAE(), OUT, TARGET),
    "huber": (losses.Huber(), OUT, TARGET),
    "huber 2.5": (losses.Huber(2.5), OUT, TARGET),
    "bce": (losses.BinaryCrossEntropy(), P, YES),
    "bce soft": (losses.BinaryCrossEntropy(), P, SHARES),
    "bce weighted": (losses.BinaryCrossEntropy(class_weight=[0.3, 2.0]), P, YES),
    "logits": (losses.BinaryCrossEntropyWithLogits(), OUT, YES),
    "logits weighted": (losses.BinaryCrossEntropyWithLogits(class_weight=[0.3, 2.0]), OUT, YES),
    "labels": (losses.CrossEntropy(), OUT, LABELS),
    "labels smooth": (losses.CrossEntropy(label_smoothing=0.1), OUT, LABELS),
    "labels weighted": (losses.CrossEntropy(class_weight=CW), OUT, LABELS),
    "labels both": (losses.CrossEntropy(class_weight=CW, label_smoothing=0.1), OUT, LABELS),
    "shares": (losses.CrossEntropy(), OUT, SHARES),
    "shares smooth": (losses.CrossEntropy(label_smoothing=0.1), OUT, SHARES),
    "shares weighted": (losses.CrossEntropy(class_weight=CW), OUT, SHARES),
    "shares both": (losses.CrossEntropy(class_weight=CW, label_smoothing=0.1), OUT, SHARES),
}


def reference(torch, case, output, target, weight):
    """Return the loss by PyTorch's element losses and the formulas of the documentation."""
    F, (loss, _, _) = torch.nn.functional, CASES[case]
    s = torch.ones(len(output), dtype=output.dtype) if weight is None else weight
    if case == "mse":
        each = F.mse_loss(output, target, reduction="none").mean(1)
    elif case == "half_mse":
        each = F.mse_loss(output, target, reduction="none").sum(1) / 2
    elif case == "half_sum_squares":
        return (s * F.mse_loss(output, target, reduction="none").sum(1)).sum() / 2
    elif case == "mae":
        each = F.l1_loss(output, target, reduction="none").mean(1)
    elif case.startswith("huber"):
        each = F.huber_loss(output, target, reduction="none", delta=loss.delta).mean(1)
    elif isinstance(loss, (losses.BinaryCrossEntropy, losses.BinaryCrossEntropyWithLogits)):
        name = "binary_cross_entropy" + ("_with_logits" if case.startswith("logits") else "")
        each = getattr(F, name)(output, target, reduction="none")
        c = torch.ones_like(each)
        if loss.class_weight is not None:
            c = loss.class_weight[0] * (1 - target) + loss.class_weight[1] * target
        return (s[:, None] * c * each).sum() / (s[:, None] * c).sum()
    else:
        c = None if loss.class_weight is None else torch.tensor(loss.class_weight, dtype=output.dtype)
        each = F.cross_entropy(output, target, c, reduction="none", label_smoothing=loss.label_smoothing)
        if weight is None:  # PyTorch's own mean
            return F.cross_entropy(output, target, c, label_smoothing=loss.label_smoothing)
        if c is not None and target.dtype == torch.int64:
            return (s * each).sum() / (s * c[target]).sum()
    return (s * each).sum() / s.sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_equal_pytorchs(case, weighted):
    torch = pytest.importorskip("torch")
    loss, out, target = CASES[case]
    weight = W if weighted else None
    x = gg.tensor(out, requires_grad=True)
    q = torch.tensor(out, requires_grad=True)
    ours = loss(x, target, weight)
    theirs = reference(torch, case, q, torch.tensor(target), None if weight is None else torch.tensor(weight))
    assert ours.shape == ()
    np.testing.assert_allclose(ours.item(), theirs.item(), rtol=1e-13)
    ours.backward()
    theirs.backward()
    np.testing.assert_allclose(x.grad.numpy(), q.grad.numpy(), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_batches_combine_by_their_shares(case, weighted):
    loss, out, target = CASES[case]
    weight = W if weighted else None
    parts = []
    for rows in (slice(0, 2), slice(2, 3), slice(3, N)):
        w = None if weight is None else weight[rows]
        share = loss.share(target[rows], w)
        assert share.shape == ()
        parts.append((loss(out[rows], target[rows], w).item(), share.item()))
    values, shares = np.array(parts).T
    epoch = values.sum() if loss.reduction == "sum" else (values * shares).sum() / shares.sum()
    np.testing.assert_allclose(epoch, loss(out, target, weight).item(), rtol=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_a_traced_float32_loss_is_float32_throughout_and_equals_eager(case, weighted):
    loss, out, target = CASES[case]
    out = out.astype(np.float32)
    target = target.astype(np.float32) if target.dtype.kind == "f" else target
    rows = [W.astype(np.float32)] if weighted else []
    known = {id(t): name for name, t in loss.inputs().items()}

    def f(x, y, w=None):
        return loss(x, y, w), loss.share(y, w, np.float32)

    graph, captured, _ = trace_with(
        f,
        [Spec(("N", *a.shape[1:]), a.dtype) for a in (out, target, *rows)],
        name="loss",
        wants=lambda t: id(t) in known,
    )
    graph = gg.differentiate(graph, [0])
    wrong = [n for n in graph.nodes for v in n.outputs if v.dtype not in (np.float32, np.int64, np.bool_)]
    assert not wrong
    assert len(captured) == len(known)
    value, share, gradient = gg.run(graph, out, target, *rows, *(t.numpy() for t in captured))
    x = gg.tensor(out, requires_grad=True)
    eager = loss(x, target, *rows)
    eager.backward()
    assert eager.dtype == value.dtype == gradient.dtype == x.grad.dtype == np.float32
    np.testing.assert_allclose(value, eager.item(), rtol=1e-6)
    np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(share, loss.share(target, *rows).item(), rtol=1e-6)


def test_class_weights_are_run_time_inputs():
    loss = losses.CrossEntropy(class_weight=CW)
    (held,) = loss.inputs().values()
    graph, captured, _ = trace_with(
        loss, [Spec(("N", C)), Spec(("N",), np.int64)], name="loss", wants=lambda t: t is held
    )
    assert captured == [held]
    others = np.array([1.0, 5.0, 0.1, 2.0])
    (value,) = gg.run(graph, OUT, LABELS, others)
    np.testing.assert_allclose(
        value, losses.CrossEntropy(class_weight=others)(OUT, LABELS).item(), rtol=1e-14
    )


@pytest.mark.parametrize("name", losses.LOSSES.names())
def test_every_loss_by_name_and_as_json(name):
    loss = losses.loss(name)
    assert loss.config()["name"] == loss.name == name
    assert losses.loss(json.loads(json.dumps(loss.config()))) == loss


@pytest.mark.parametrize("case", CASES)
def test_config_is_json_and_comes_back(case):
    loss, out, target = CASES[case]
    again = losses.loss(json.loads(json.dumps(loss.config())))
    assert again == loss
    assert again(out, target).item() == loss(out, target).item()


def test_targets_of_whole_numbers_are_quantities_too():
    assert losses.MSE()(np.ones((2, 1), np.float32), np.zeros((2, 1), np.int64)).dtype == np.float32
    assert losses.BinaryCrossEntropyWithLogits()(np.zeros((2, 1)), np.array([[True], [False]])).item() == (
        pytest.approx(np.log(2))
    )
    one_hot = np.eye(C, dtype=np.int64)[LABELS]
    np.testing.assert_allclose(
        losses.CrossEntropy()(OUT, one_hot).item(), losses.CrossEntropy()(OUT, LABELS).item()
    )


def test_the_errors_of_certain_and_wrong_answers():
    assert losses.CrossEntropy()([[1000.0, 0.0]], [0]).item() == 0
    assert losses.CrossEntropy()([[1000.0, 0.0]], [1]).item() == 1000
    assert losses.BinaryCrossEntropyWithLogits()([[-1000.0]], [[1.0]]).item() == 1000
    with np.errstate(divide="ignore", invalid="ignore"):
        assert losses.BinaryCrossEntropy()([[1.0]], [[1.0]]).item() == 0
        assert losses.BinaryCrossEntropy()([[0.0]], [[1.0]]).item() == np.inf


CE, BCE, LOGITS = losses.CrossEntropy(), losses.BinaryCrossEntropy(), losses.BinaryCrossEntropyWithLogits()


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (
            lambda: losses.MSE()(np.ones((5, 1)), np.ones(5)),
            ShapeError,
            "mse: the output has shape (5, 1), but the target (5,); give the target a second axis: target[:, None]",
        ),
        (lambda: losses.MAE()(np.ones(5), np.ones((5, 1))), ShapeError, "take the target's one column"),
        (lambda: losses.Huber()(np.ones((5, 2)), np.ones((5, 3))), ShapeError, "they must be equal"),
        (lambda: LOGITS(np.ones((5, 1)), np.ones(5)), ShapeError, "target[:, None]"),
        (
            lambda: losses.MSE()(np.ones((5, 1)), np.ones((5, 1)), np.ones((5, 1))),
            ShapeError,
            "there are 5 rows",
        ),
        (lambda: losses.MSE()(np.ones((5, 1)), np.ones((5, 1)), np.ones(4)), ShapeError, "(4,)"),
        (lambda: CE(OUT, LABELS[:, None]), ShapeError, "take its one column: target[:, 0]"),
        (
            lambda: CE(OUT, LABELS[:3]),
            ShapeError,
            "so the target has (6,) (labels) or (6, 4) (probabilities)",
        ),
        (lambda: CE(OUT[:, :1], LABELS), ShapeError, "use binary_cross_entropy_with_logits"),
        (lambda: CE(OUT[:, 0], LABELS), ShapeError, "one score for each of two or more classes"),
        (
            lambda: CE(OUT, LABELS + 1),
            ValueError,
            "label 4 is out of range: with 4 classes they go from 0 to 3",
        ),
        (lambda: CE(OUT, LABELS - 1), ValueError, "label -1 is out of range"),
        (
            lambda: losses.CrossEntropy(class_weight=CW)(OUT, LABELS + 1),
            ValueError,
            "label 4 is out of range",
        ),
        (lambda: CE(OUT, LABELS.astype(float)), DTypeError, "whole numbers"),
        (lambda: losses.CrossEntropy(class_weight=[1, 2])(OUT, LABELS), ShapeError, "has 2 numbers"),
        (lambda: LOGITS([[0.0]], [[2.0]]), DataError, "every target lies between 0 and 1, but one is 2.0"),
        (lambda: LOGITS([[0.0]], [[-1]]), DataError, "one is -1; name the classes 0 and 1"),
        (
            lambda: BCE([[1.5]], [[1.0]]),
            DataError,
            "every output lies between 0 and 1, but one is 1.5; end the",
        ),
        (lambda: losses.loss("msee"), OptionError, "there is no loss 'msee'. Did you mean 'mse'"),
        (
            lambda: losses.loss("mse", delta=1),
            OptionError,
            "the loss 'mse' has no setting 'delta'. It has none.",
        ),
        (lambda: losses.Huber(0), OptionError, "huber: delta must be a number with 0 < delta; got 0"),
        (lambda: losses.CrossEntropy(label_smoothing=1), OptionError, "0 ≤ label_smoothing < 1; got 1"),
        (
            lambda: losses.CrossEntropy(class_weight=[-1, 2]),
            OptionError,
            "class_weight must be finite numbers ≥ 0",
        ),
        (lambda: losses.CrossEntropy(class_weight="ab"), OptionError, "got 'ab'"),
        (lambda: losses.BinaryCrossEntropy(class_weight=[1, 2, 3]), OptionError, "two numbers"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, error, message):
    with pytest.raises(error) as caught:
        wrong()
    assert message in str(caught.value)


def test_shapes_are_checked_while_traced():
    with pytest.raises(ShapeError, match=r"shape \(N, 1\), but the target \(N,\)"):
        trace(losses.MSE(), Spec(("N", 1)), Spec(("N",)))


def test_class_labels_held_against_scores_are_answered():
    with pytest.raises(ShapeError, match=r"class labels must be whole numbers: y\.astype\(int\)"):
        losses.MSE()(np.ones((4, 3)), np.ones(4))
    for labels in (np.ones(4), np.ones(4, bool)):
        with pytest.raises(DTypeError, match="whole numbers"):
            losses.CrossEntropy()(np.ones((4, 3)), labels)
