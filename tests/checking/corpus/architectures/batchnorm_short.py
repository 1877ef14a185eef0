# regression net with batch normalisation; samples are COLUMNS (features, batch)
import numpy as np

class BatchNorm:
    def __init__(self, n):
        self.g = np.random.uniform(0.5, 1.5, (n, 1))
        self.b = np.random.uniform(-0.5, 0.5, (n, 1))
        self.run_mean = np.zeros((n, 1))
        self.run_var = np.ones((n, 1))

    def __call__(self, X):
        mean = X.mean(axis=1, keepdims=True)
        var = X.var(axis=1, keepdims=True)
        self.run_mean = 0.9 * self.run_mean + 0.1 * mean
        self.run_var = 0.9 * self.run_var + 0.1 * var
        self.std = np.sqrt(var + 1e-6)
        self.Xn = (X - mean) / self.std
        return self.g * self.Xn + self.b

    def back(self, dY):
        m = dY.shape[1]
        self.dg = (dY * self.Xn).sum(axis=1, keepdims=True)
        self.db = dY.sum(axis=1, keepdims=True)
        dXn = dY * self.g
        return (m * dXn - dXn.sum(axis=1, keepdims=True)
                - self.Xn * (dXn * self.Xn).sum(axis=1, keepdims=True)) / (m * self.std)

np.random.seed(10)
m = 24
X = np.random.uniform(-2, 2, (3, m))
Y = np.sin(X[0:1]) + 0.5 * X[1:2] * X[2:3]

A = np.random.randn(8, 3) * 0.7
bn = BatchNorm(8)
B = np.random.randn(1, 8) * 0.5
c = np.zeros((1, 1))
vA, vg, vb, vB, vc = 0, 0, 0, 0, 0

for i in range(300):
    Z = A @ X
    S = bn(Z)
    H = np.tanh(S)
    out = B @ H + c
    cost = ((out - Y) ** 2).sum() / (2 * m)

    d_out = (out - Y) / m
    dB = d_out @ H.T
    dc = d_out.sum(axis=1, keepdims=True)
    dH = B.T @ d_out
    dS = dH * (1 - H * H)
    dZ = bn.back(dS)
    dA = dZ @ X.T

    # momentum
    vA = 0.8 * vA - 0.1 * dA
    vg = 0.8 * vg - 0.1 * bn.dg
    vb = 0.8 * vb - 0.1 * bn.db
    vB = 0.8 * vB - 0.1 * dB
    vc = 0.8 * vc - 0.1 * dc
    A += vA
    bn.g += vg
    bn.b += vb
    B += vB
    c += vc
    if i % 100 == 0:
        print(i, cost)
print(i, cost)
