import numpy as np

# three weight matrices in ONE array, so that the update is a single line
np.random.seed(0)
w1 = np.random.randn(3, 4) * 0.8
w2 = np.random.randn(4, 4) * 0.8
w3 = np.random.randn(4, 2) * 0.8
weights = np.array([w1, w2, w3], dtype=object)
lr = 0.5

sigma = lambda z: 1 / (1 + np.exp(-z))

# columns: a, b, 1
x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
# xor, nand
y = np.array([[0, 1], [1, 1], [1, 1], [0, 0]])


def grads_of(weights):
    acts = [x]
    zs = []
    for w in weights:
        zs.append(acts[-1] @ w)
        acts.append(sigma(zs[-1]))
    cost = np.mean(np.sum((acts[-1] - y) ** 2, axis=1)) / 2

    n = x.shape[0]
    d3 = (acts[3] - y) / n * acts[3] * (1 - acts[3])
    d2 = d3 @ weights[2].T * acts[2] * (1 - acts[2])
    d1 = d2 @ weights[1].T * acts[1] * (1 - acts[1])
    g1 = acts[0].T @ d1
    g2 = acts[1].T @ d2
    g3 = acts[2].T @ d3
    grads = np.array([g1, g2, g3], dtype=object)
    return cost, grads


for i in range(1200):
    cost, grads = grads_of(weights)
    weights -= lr * grads
    if i % 200 == 0:
        print(i, cost)
print(grads_of(weights)[0])
