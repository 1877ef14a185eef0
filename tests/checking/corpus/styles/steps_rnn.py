# Elman network predicting the next value of a signal. One object per time step.
# The weights are globals, the steps only read them.
import numpy as np

np.random.seed(21)
H = 4
eta = 0.03
U = np.random.randn(H, 2) * 0.6
W = np.random.randn(H, H) * 0.5
V = np.random.randn(2, H) * 0.6
b = np.random.randn(H) * 0.1


class Step:
    def __init__(self, x, prev):
        self.x = x
        self.prev = prev          # hidden state before this step
        self.s = np.tanh(U.dot(x) + W.dot(prev) + b)
        self.yhat = V.dot(self.s)

    def error(self, y):
        return 0.5 * np.sum((self.yhat - y) ** 2)

    def back(self, y, ds_next):
        e = self.yhat - y
        dV = np.outer(e, self.s)
        ds = V.T.dot(e) + ds_next
        dz = ds * (1 - self.s ** 2)
        dU = np.outer(dz, self.x)
        dW = np.outer(dz, self.prev)
        return dU, dW, dV, dz, W.T.dot(dz)


def sequence(start, n=6):
    t = start + 0.7 * np.arange(n + 1)
    return np.stack([np.sin(t), np.cos(1.3 * t)], axis=1)


def train_on(seq):
    global U, W, V, b
    T = len(seq) - 1
    steps = {}
    hidden = {-1: np.zeros(H)}
    loss = 0.0
    for t in range(T):
        steps[t] = Step(seq[t], hidden[t - 1])
        hidden[t] = steps[t].s
        loss += steps[t].error(seq[t + 1])

    gU, gW, gV, gb = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V), np.zeros_like(b)
    carry = np.zeros(H)
    for t in reversed(range(T)):
        dU, dW, dV, db, carry = steps[t].back(seq[t + 1], carry)
        gU += dU
        gW += dW
        gV += dV
        gb += db
    U = U - eta * gU
    W = W - eta * gW
    V = V - eta * gV
    b = b - eta * gb
    return loss


smooth = None
for it in range(400):
    l = train_on(sequence(np.random.uniform(0, 6)))
    smooth = l if smooth is None else 0.95 * smooth + 0.05 * l
    if it % 80 == 79:
        print(it + 1, smooth)
