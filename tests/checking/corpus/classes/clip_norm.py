import numpy as np

def with_ones(A):
    return np.concatenate([A, np.ones((A.shape[0], 1))], axis=1)

class ClippedNet:
    """Two hidden ReLU layers, one linear output. The bias is the last row of each weight
    matrix. The gradient is scaled down when its norm over all weights gets too long."""

    def __init__(self, d, h, max_norm=1.0, mu=0.8):
        g = np.random.default_rng(31)
        self.V = g.normal(0, np.sqrt(2.0 / d), (d + 1, h))
        self.U = g.normal(0, np.sqrt(2.0 / h), (h + 1, h))
        self.w = g.normal(0, np.sqrt(1.0 / h), h + 1)
        self.max_norm = max_norm
        self.mu = mu
        self.mV = np.zeros_like(self.V)
        self.mU = np.zeros_like(self.U)
        self.mw = np.zeros_like(self.w)

    def predict(self, X):
        self.X1 = with_ones(X)
        self.H = np.maximum(self.X1 @ self.V, 0.0)
        self.H1 = with_ones(self.H)
        self.G = np.maximum(self.H1 @ self.U, 0.0)
        self.G1 = with_ones(self.G)
        return self.G1 @ self.w

    def gradients(self, y_hat, y):
        e = (y_hat - y) / len(y)
        gw = np.zeros_like(self.w)
        for j in range(len(gw)):
            gw[j] = np.sum(e * self.G1[:, j])
        back_G = e[:, None] * self.w[:-1]
        back_G = back_G * (self.G > 0)
        gU = self.H1.T @ back_G
        back_H = back_G @ self.U[:-1].T
        back_H = back_H * (self.H > 0)
        gV = self.X1.T @ back_H
        return gV, gU, gw

    def clip(self, grads):
        total = np.sqrt(sum((g ** 2).sum() for g in grads))
        scale = min(1.0, self.max_norm / (total + 1e-12))
        return [g * scale for g in grads]

    def fit_step(self, X, y, lr):
        y_hat = self.predict(X)
        gV, gU, gw = self.clip(self.gradients(y_hat, y))
        self.mV = self.mu * self.mV - lr * gV
        self.mU = self.mu * self.mU - lr * gU
        self.mw = self.mu * self.mw - lr * gw
        self.V = self.V + self.mV
        self.U = self.U + self.mU
        self.w = self.w + self.mw
        return 0.5 * np.mean((y_hat - y) ** 2)

g = np.random.default_rng(2)
X = g.uniform(-1, 1, (40, 3))
y = np.abs(X[:, 0]) * 3 - X[:, 1] * X[:, 2] + 0.5
net = ClippedNet(3, 6)
for it in range(150):
    loss = net.fit_step(X, y, 0.03)
    if it % 30 == 0:
        print("it %d  half mse %.5f" % (it, loss))
print("it %d  half mse %.5f" % (it, loss))
