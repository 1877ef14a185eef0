#!/usr/bin/env python3
"""Residual block with (pre-)layer normalisation: out = x + W2 relu(W1 LN(x))"""
import numpy as np
from numpy.random import default_rng

g = default_rng(2024)
EPS = 1e-5


def layernorm(x, gain, shift):
    mean = x.mean(-1, keepdims=True)
    rstd = (x.var(-1, keepdims=True) + EPS) ** -0.5
    norm = (x - mean) * rstd
    return gain * norm + shift, norm, rstd


def layernorm_grad(dout, norm, rstd, gain):
    dgain = (dout * norm).sum(0)
    dshift = dout.sum(0)
    dnorm = dout * gain
    dx = dnorm - dnorm.mean(-1, keepdims=True) - norm * (dnorm * norm).mean(-1, keepdims=True)
    dx = dx * rstd
    return dx, dgain, dshift


n, d, width, k = 18, 6, 6, 3
labels = g.integers(0, k, n)
inputs = g.normal(size=(n, 4)) + 1.5 * np.eye(k, 4)[labels]

E = g.normal(scale=0.6, size=(4, d))
gain, shift = g.uniform(0.7, 1.3, d), g.uniform(-0.2, 0.2, d)
W1, b1 = g.normal(scale=0.5, size=(d, width)), g.normal(scale=0.1, size=width)
W2, b2 = g.normal(scale=0.5, size=(width, d)), np.zeros(d)
U = g.normal(scale=0.5, size=(d, k))

for step in range(1, 121):
    x = inputs @ E
    y, norm, rstd = layernorm(x, gain, shift)
    pre = y @ W1 + b1
    hid = np.where(pre > 0, pre, 0)
    branch = hid @ W2 + b2
    res = x + branch
    logits = res @ U
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    nll = -logp[range(n), labels].mean()

    # ---- backward
    dlogits = np.exp(logp)
    dlogits[range(n), labels] -= 1
    dlogits /= n
    dU = res.T @ dlogits
    dres = dlogits @ U.T
    dbranch = dres
    db2 = dbranch.sum(0)
    dW2 = hid.T @ dbranch
    dhid = dbranch @ W2.T
    dpre = np.where(pre > 0, dhid, 0)
    db1 = dpre.sum(0)
    dW1 = y.T @ dpre
    dy = dpre @ W1.T
    dx, dgain, dshift = layernorm_grad(dy, norm, rstd, gain)
    dx = dx + dres          # the skip connection
    dE = inputs.T @ dx

    for w, dw in ((E, dE), (gain, dgain), (shift, dshift), (W1, dW1), (b1, db1), (W2, dW2), (b2, db2), (U, dU)):
        w -= 0.15 * dw
    if step % 40 == 0:
        print(f"step {step}: nll {nll:.4f}")
