"""Makes the expected values of the metric tests with scikit-learn and SciPy.

    python make.py        (writes scikit-learn.json and statistics.json beside this file)

The versions used are recorded in the files. Inputs are seeded and rounded to a few digits, so that the files hold them
exactly and scores are tied.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import special, stats
from sklearn import metrics as m

warnings.filterwarnings("ignore")
HERE = Path(__file__).parent


def value(x):
    """A float, or None where the metric is undefined."""
    x = float(x)
    return x if np.isfinite(x) else None


def rows(rng, labels, k, digits, strength):
    logits = rng.normal(size=(len(labels), k))
    logits[np.arange(len(labels)), labels] += strength
    p = np.exp(logits)
    p = np.round(p / p.sum(1, keepdims=True), digits)
    p[:, 0] = np.round(1 - p[:, 1:].sum(1), digits)
    return np.clip(p, 0, 1)


def guo_ece(labels, p, w, bins=15):
    """Guo et al. 2017, eq. 3, written out bin by bin."""
    confidence, correct = p.max(1), p.argmax(1) == labels
    total = 0.0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        if w[inside].sum() > 0:
            weight = w[inside].sum()
            accuracy = (w[inside] * correct[inside]).sum() / weight
            total += weight / w.sum() * abs(accuracy - (w[inside] * confidence[inside]).sum() / weight)
    return total


def case(name, labels, p, w=None):
    labels, k, n = np.asarray(labels), p.shape[1], len(labels)
    weights = np.ones(n) if w is None else np.asarray(w, float)
    kw = {"sample_weight": weights}
    seen_w = weights > 0
    predicted = p.argmax(1)
    present = [c for c in range(k) if weights[labels == c].sum() > 0]
    expected = {
        "accuracy": value(m.accuracy_score(labels, predicted, **kw)),
        "balancedAccuracy": value(m.balanced_accuracy_score(labels, predicted, **kw)),
        "kappa": value(m.cohen_kappa_score(labels, predicted, **kw)),
        "logLoss": value(m.log_loss(labels, p, labels=range(k), **kw)),
        "calibrationError": value(guo_ece(labels, p, weights)),
    }
    if len(present) > 1:
        expected["mcc"] = value(m.matthews_corrcoef(labels, predicted, **kw))
    for average in ("macro", "weighted"):
        precision, recall, f1, _ = m.precision_recall_fscore_support(
            labels[seen_w], predicted[seen_w], average=average, zero_division=0, sample_weight=weights[seen_w]
        )
        expected |= {f"{average}Precision": value(precision), f"{average}Recall": value(recall), f"{average}F1": value(f1)}
    if k == 2:
        expected["brier"] = value(m.brier_score_loss(labels, p[:, 1], pos_label=1, **kw))
    else:
        expected["brier"] = value(m.brier_score_loss(labels, p, labels=list(range(k)), scale_by_half=False, **kw))
    classes = []
    for c in range(k):
        y = (labels == c).astype(int)
        has_pos, has_neg = weights[y == 1].sum() > 0, weights[y == 0].sum() > 0
        entry = {
            "precision": m.precision_score(y, predicted == c, zero_division=np.nan, **kw),
            "recall": m.recall_score(y, predicted == c, zero_division=np.nan, **kw),
            "specificity": m.recall_score(1 - y, predicted != c, zero_division=np.nan, **kw),
            "f1": m.f1_score(y, predicted == c, zero_division=np.nan, **kw),
            "auc": m.roc_auc_score(y, p[:, c], **kw) if has_pos and has_neg else np.nan,
            "averagePrecision": m.average_precision_score(y, p[:, c], **kw) if has_pos else np.nan,
        }
        classes.append({key: value(v) for key, v in entry.items()})
    if len(present) == k:
        if k == 2:
            expected["auc"] = classes[1]["auc"]
            expected["averagePrecision"] = classes[1]["averagePrecision"]
        elif w is None:
            # As indicators: the multi-class form would need rows that sum to exactly 1, and dividing breaks ties.
            one_hot = np.eye(k)[labels]
            expected["auc"] = value(m.roc_auc_score(one_hot, p, average="macro"))
            expected["weightedAuc"] = value(m.roc_auc_score(one_hot, p, average="weighted"))
            expected["averagePrecision"] = value(m.average_precision_score(one_hot, p, average="macro"))
    confusion = m.confusion_matrix(labels, predicted, labels=range(k), **kw)
    out = {
        "name": name,
        "classCount": k,
        "labels": labels.tolist(),
        "probabilities": p.tolist(),
        "confusion": confusion.tolist(),
        "overall": expected,
        "classes": classes,
    }
    if w is not None:
        out["weights"] = weights.tolist()
    if k == 2 and len(present) == 2 and w is None:
        fpr, tpr, thresholds = m.roc_curve(labels, p[:, 1], drop_intermediate=False)
        out["roc"] = {"fpr": fpr.tolist(), "tpr": tpr.tolist(), "thresholds": thresholds[1:].tolist()}
        precision, recall, thresholds = m.precision_recall_curve(labels, p[:, 1])
        # From the highest score downwards, without the added point (0, 1).
        out["precisionRecall"] = {
            "recall": recall[:-1][::-1].tolist(),
            "precision": precision[:-1][::-1].tolist(),
            "thresholds": thresholds[::-1].tolist(),
        }
    return out


def delong(y, a, b):
    """DeLong 1988 from its definition, over all pairs."""

    def components(s):
        psi = (s[y == 1][:, None] > s[y == 0][None, :]) + 0.5 * (s[y == 1][:, None] == s[y == 0][None, :])
        return psi.mean(), psi.mean(1), psi.mean(0)

    auc_a, a10, a01 = components(a)
    auc_b, b10, b01 = components(b)
    covariance = np.cov([a10, b10]) / len(a10) + np.cov([a01, b01]) / len(a01)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    z = (auc_a - auc_b) / np.sqrt(variance)
    return {
        "labels": y.tolist(),
        "a": a.tolist(),
        "b": b.tolist(),
        "aucA": auc_a,
        "aucB": auc_b,
        "standardErrorA": float(np.sqrt(covariance[0, 0])),
        "standardErrorB": float(np.sqrt(covariance[1, 1])),
        "standardErrorDifference": float(np.sqrt(variance)),
        "p": float(2 * stats.norm.sf(abs(z))),
    }


def classifier_cases():
    rng = np.random.default_rng(7)
    binary = rng.integers(0, 2, 60)
    three = rng.integers(0, 3, 80)
    five = rng.choice(5, 120, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    absent = rng.choice([0, 1, 3], 40)
    weights = np.round(rng.uniform(0.1, 3, 80), 2)
    never = rows(rng, absent, 4, 3, 1.5)
    never[:, 3] = 0.01
    never[:, 0] = np.round(1 - never[:, 1:].sum(1), 3)
    never = np.clip(never, 0, 1)
    never /= never.sum(1, keepdims=True)
    return [
        case("binary", binary, rows(rng, binary, 2, 4, 1.0)),
        case("binary with many ties", binary, rows(rng, binary, 2, 1, 0.7)),
        case("binary, all scores equal", binary, np.full((60, 2), 0.5)),
        case("binary, single class", np.ones(20, int), rows(rng, np.ones(20, int), 2, 3, 1.0)),
        case("binary, certain and sometimes wrong", np.array([0, 1, 1, 0]), np.array([[1, 0], [0, 1], [1, 0], [1, 0.0]])),
        case("three classes", three, rows(rng, three, 3, 4, 1.2)),
        case("three classes with ties", three, rows(rng, three, 3, 1, 1.2)),
        case("three classes, weighted", three, rows(rng, three, 3, 3, 1.2), weights),
        case("three classes, weights of a replicate", three, rows(rng, three, 3, 2, 1.2), rng.integers(0, 4, 80)),
        case("five unbalanced classes", five, rows(rng, five, 5, 3, 0.8)),
        case("four classes, one absent, one never predicted", absent, never),
        case("single class of three", np.full(15, 2), rows(rng, np.full(15, 2), 3, 3, 1.0)),
    ]


def statistics():
    rng = np.random.default_rng(11)
    y = rng.integers(0, 2, 70)
    a = np.round(y + rng.normal(size=70), 1)
    b = np.round(0.5 * y + 0.7 * a + rng.normal(size=70), 1)
    first, second = np.round(rng.normal(0.90, 0.01, 5), 4), np.round(rng.normal(0.89, 0.01, 5), 4)
    test = stats.ttest_rel(first, second)
    interval = test.confidence_interval(0.95)
    return {
        "deLong": [delong(y, a, b), delong(y, a, -b), delong(y[:12], a[:12], b[:12])],
        "studentQuantiles": [
            {"confidence": c, "degreesOfFreedom": d, "value": float(stats.t.ppf((1 + c) / 2, d))}
            for c in (0.5, 0.9, 0.95, 0.99)
            for d in (1, 2, 3, 4, 9, 29, 1000)
        ],
        "studentTwoSided": [
            {"t": t, "degreesOfFreedom": d, "value": float(2 * stats.t.sf(t, d))}
            for t in (0.0, 0.1, 1.0, 2.5, 10.0)
            for d in (1, 4, 30, 500)
        ],
        "logGamma": [{"x": x, "value": float(special.gammaln(x))} for x in (0.5, 1.0, 1.5, 3.0, 10.5, 100.0)],
        "erfc": [{"x": x, "value": float(special.erfc(x))} for x in (0.0, 0.1, 0.5, 1.0, 1.9, 2.0, 3.0, 6.0)],
        "pairedTTest": {
            "a": first.tolist(),
            "b": second.tolist(),
            "t": float(test.statistic),
            "p": float(test.pvalue),
            "low": float(interval.low),
            "high": float(interval.high),
        },
    }


def main():
    versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
    for name, content in (
        ("scikit-learn.json", {"madeWith": versions, "cases": classifier_cases()}),
        ("statistics.json", {"madeWith": versions, **statistics()}),
    ):
        (HERE / name).write_text(json.dumps(content, separators=(",", ":")) + "\n")


main()
