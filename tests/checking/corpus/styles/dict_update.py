"""Softmax classifier with one hidden layer, functional: no function changes its arguments."""
import numpy as np

rng = np.random.default_rng(8)


def spirals(n):
    """three noisy arms"""
    t = np.tile(np.linspace(0.2, 1, n), 3)
    k = np.repeat([0, 1, 2], n)
    angle = 2.1 * k + 2.5 * t
    pts = np.stack([t * np.cos(angle), t * np.sin(angle)], 1)
    return pts + 0.02 * rng.standard_normal(pts.shape), k


def minibatches(X, k, size):
    """generator of (inputs, labels), shuffled; jitters the inputs"""
    idx = rng.permutation(len(X))
    for s in range(0, len(idx) - size + 1, size):
        take = idx[s:s + size]
        yield X[take] + 0.01 * rng.standard_normal((size, X.shape[1])), k[take]


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, X):
    z = X @ params["W1"] + params["b1"]
    h = np.maximum(z, 0.1 * z)              # leaky
    return z, h, softmax(h @ params["W2"] + params["b2"])


def backward(params, X, k, z, h, probs):
    m = len(X)
    dscores = probs.copy()
    dscores[np.arange(m), k] -= 1
    dscores /= m
    dh = dscores @ params["W2"].T
    dz = dh * np.where(z > 0, 1, 0.1)
    return {
        "W1": X.T @ dz,
        "b1": dz.sum(axis=0),
        "W2": h.T @ dscores,
        "b2": dscores.sum(axis=0),
    }


X, k = spirals(30)
params = {
    "W1": rng.standard_normal((2, 9)) * 0.7,
    "b1": np.zeros(9),
    "W2": rng.standard_normal((9, 3)) * 0.5,
    "b2": np.zeros(3),
}
alpha0, decay = 0.8, 0.01
for epoch in range(40):
    alpha = alpha0 / (1 + decay * epoch)     # learning rate decay
    for xb, kb in minibatches(X, k, 9):
        z, h, probs = forward(params, xb)
        grads = backward(params, xb, kb, z, h, probs)
        params = {name: value - alpha * grads[name] for name, value in params.items()}
    if epoch % 8 == 7:
        p = forward(params, X)[2]
        nll = -np.log(p[np.arange(len(k)), k] + 1e-9).mean()
        print(f"epoch {epoch + 1}: loss {nll:.4f}, accuracy {(p.argmax(1) == k).mean():.2f}")
