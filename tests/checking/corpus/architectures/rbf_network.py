# Radial basis function network; centres, widths and output weights are all learned
import numpy as np
import math

np.random.seed(77)

M = 6                      # basis functions
xs = np.linspace(-3, 3, 25).reshape(-1, 1)
ts = np.sin(xs) * np.exp(-0.1 * xs ** 2) + 0.05 * np.random.randn(25, 1)

centres = np.linspace(-3, 3, M).reshape(1, M) + 0.3 * np.random.randn(1, M)
sigma = np.full((1, M), 0.9) + 0.2 * np.random.rand(1, M)
w = 0.5 * np.random.randn(M, 1)
w0 = 0.2


def phi(x):
    dist = x - centres
    return dist, np.exp(-dist ** 2 / (2 * sigma ** 2))


learning_rate = 0.02
for epoch in range(300):
    dist, G = phi(xs)
    out = G @ w + w0
    e = ts - out                       # (25, 1)
    E = 0.5 * float((e ** 2).sum())

    grad_w = -G.T @ e
    grad_w0 = -e.sum()
    back = -(e @ w.T) * G
    grad_c = (back * dist / sigma ** 2).sum(axis=0, keepdims=True)
    grad_s = (back * dist ** 2 / sigma ** 3).sum(axis=0, keepdims=True)

    w = w - learning_rate * grad_w
    w0 = w0 - learning_rate * grad_w0
    centres = centres - learning_rate * grad_c
    sigma = sigma - learning_rate * grad_s

    if epoch % 60 == 0:
        print("epoch {:3d}   E = {:.5f}   rms = {:.4f}".format(epoch, E, math.sqrt(2 * E / len(xs))))
print("E = {:.5f}".format(E))
