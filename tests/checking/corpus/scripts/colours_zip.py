# Which of three colours is it?  r, g, b in, "warm" / "cold" / "dark" out.
# One example at a time, plain 1-d vectors.
import numpy as np
from math import sqrt

rnd = np.random.RandomState(42)

colours = np.array([
    [0.9, 0.2, 0.1], [0.8, 0.5, 0.1], [1.0, 0.7, 0.3], [0.7, 0.1, 0.2],
    [0.1, 0.3, 0.9], [0.2, 0.8, 0.7], [0.0, 0.5, 1.0], [0.3, 0.6, 0.8],
    [0.1, 0.1, 0.1], [0.2, 0.1, 0.0], [0.0, 0.1, 0.2], [0.1, 0.2, 0.1],
])
wanted = np.repeat(np.eye(3), 4, axis=0)


def sigma(v):
    return 1. / (1. + np.exp(-v))


def sigma_prime(v):
    s = sigma(v)
    return s * (1. - s)


V = rnd.randn(3, 3) / sqrt(3)      # hidden x input
c = np.zeros(3)
W = rnd.randn(3, 3) / sqrt(3)      # output x hidden
d = np.zeros(3)
eta = 0.8

for epoch in range(150):
    loss = 0
    for x, t in zip(colours, wanted):
        a = V @ x + c
        h = sigma(a)
        b = W @ h + d
        o = sigma(b)
        loss += 0.5 * np.sum((t - o) ** 2)

        delta_o = (o - t) * sigma_prime(b)
        delta_h = (W.T @ delta_o) * sigma_prime(a)

        W -= eta * np.outer(delta_o, h)
        d -= eta * delta_o
        V -= eta * np.outer(delta_h, x)
        c -= eta * delta_h
    if epoch % 50 == 0:
        print(epoch, loss)

for x in colours[::4]:
    print(x, sigma(W @ sigma(V @ x + c) + d).round(2))
