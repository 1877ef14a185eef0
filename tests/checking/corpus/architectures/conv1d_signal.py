import numpy as np


class SignalNet(object):
    """1-D convolution over a signal -> tanh -> average over time -> linear. Predicts one number."""

    def __init__(self, n_filters, width, seed=0):
        rs = np.random.RandomState(seed)
        self.width = width
        self.F = rs.normal(scale=0.6, size=(n_filters, width))
        self.c = rs.normal(scale=0.3, size=n_filters)
        self.v = rs.normal(scale=0.6, size=n_filters)
        self.d = np.array(0.1)

    def predict(self, S):
        N, T = S.shape
        L = T - self.width + 1
        self.S = S
        self.Z = np.zeros((N, L, len(self.F)))
        for k in range(self.width):
            # tap k of every filter sees the signal shifted by k
            self.Z += S[:, k:k + L, None] * self.F[:, k]
        self.Z += self.c
        self.H = np.tanh(self.Z)
        self.P = self.H.mean(axis=1)
        return self.P.dot(self.v) + self.d

    def fit_step(self, S, y, lr):
        N, T = S.shape
        L = T - self.width + 1
        yhat = self.predict(S)
        err = yhat - y
        mse = np.mean(err ** 2)
        dyhat = 2 * err / N
        dv = self.P.T.dot(dyhat)
        dd = dyhat.sum()
        dP = np.outer(dyhat, self.v)
        dH = np.repeat(dP[:, None, :], L, axis=1) / L
        dZ = dH * (1 - self.H ** 2)
        dc = dZ.sum(axis=(0, 1))
        dF = np.zeros_like(self.F)
        for k in range(self.width):
            dF[:, k] = (dZ * S[:, k:k + L, None]).sum(axis=(0, 1))
        self.F -= lr * dF
        self.c -= lr * dc
        self.v -= lr * dv
        self.d -= lr * dd
        return mse


# signals of different frequency, the target is the frequency
rs = np.random.RandomState(5)
t = np.arange(16)
freq = rs.uniform(0.2, 1.5, size=20)
signals = np.sin(freq[:, None] * t + rs.uniform(0, 6, size=(20, 1)))

net = SignalNet(4, 3, seed=1)
for step in range(400):
    mse = net.fit_step(signals, freq, 0.2)
    if step % 100 == 0:
        print(step, mse)
print(400, mse)
