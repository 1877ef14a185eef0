"""
4 weight layers kept in lists. tanh everywhere except for the last layer, which is linear.
"""
import numpy as np

np.random.seed(21)

sizes = [4, 4, 4, 4, 4]
L = len(sizes) - 1

W = []
b = []
for i in range(L):
    W.append(np.random.randn(sizes[i], sizes[i + 1]) / np.sqrt(sizes[i]))
    b.append(np.zeros(sizes[i + 1]) + 0.1)

# two vectors in polar coordinates -> the same two in cartesian ones
X = np.random.uniform(-1.5, 1.5, (40, 4))
R, PHI, S, PSI = X.T
T = np.stack([R * np.cos(PHI), R * np.sin(PHI), S * np.cos(PSI), S * np.sin(PSI)], axis=1)


def forward(x):
    acts = [x]
    for l in range(L):
        z = acts[l] @ W[l] + b[l]
        if l < L - 1:
            acts.append(np.tanh(z))
        else:
            acts.append(z)
    return acts


def backward(acts, target):
    gW = [None] * L
    gb = [None] * L
    N = target.shape[0]
    delta = (acts[-1] - target) / N
    for l in range(L - 1, -1, -1):
        gW[l] = acts[l].T @ delta
        gb[l] = delta.sum(axis=0)
        if l > 0:
            delta = delta @ W[l].T
            delta = delta * (1 - acts[l] ** 2)
    return gW, gb


lr = 0.05
for epoch in range(100):
    acts = forward(X)
    if epoch % 20 == 0:
        print(epoch, 0.5 * np.sum((acts[-1] - T) ** 2) / len(X))
    gW, gb = backward(acts, T)
    for l in range(L):
        W[l] = W[l] - lr * gW[l]
        b[l] = b[l] - lr * gb[l]

print("done", 0.5 * np.sum((forward(X)[-1] - T) ** 2) / len(X))
