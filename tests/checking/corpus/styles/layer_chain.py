import numpy as np

rng = np.random.RandomState(3)


class Layer:
    """One link of the chain. Every layer knows only the next one and calls it recursively."""

    def __init__(self, n_in, n_out, next=None):
        self.W = rng.randn(n_in, n_out) * np.sqrt(2.0 / n_in)
        self.b = rng.randn(n_out) * 0.1
        self.next = next

    def __call__(self, x):
        z = x @ self.W + self.b
        if self.next is None:
            return z
        a = z.copy()
        a[z < 0] = 0
        return self.next(a)

    def learn(self, x, y, eta):
        # returns dE/dx to whoever called us, and moves W and b on the way back
        z = x @ self.W + self.b
        if self.next is None:
            grad = (z - y) / len(x)
        else:
            a = z.copy()
            a[z < 0] = 0
            grad = self.next.learn(a, y, eta)
            grad[z <= 0] = 0
        down = grad @ self.W.T
        dW = x.T @ grad
        self.W -= eta * dW
        self.b -= eta * grad.sum(axis=0)
        return down


def batches(X, Y, size):
    order = rng.permutation(len(X))
    for start in range(0, len(X), size):
        pick = order[start:start + size]
        yield X[pick], Y[pick]


# target: four mixed features of four numbers
X = rng.uniform(-1, 1, (64, 4))
Y = np.column_stack([abs(X[:, 0]), X[:, 1] * X[:, 2], np.maximum(X[:, 3], X[:, 0]), X.sum(1) ** 2 / 4])

chain = Layer(4, 4, Layer(4, 4, Layer(4, 4)))
for epoch in range(60):
    for xb, yb in batches(X, Y, 4):
        chain.learn(xb, yb, 0.03)
    if epoch % 10 == 9:
        print("%3d  %.5f" % (epoch + 1, 0.5 * ((chain(X) - Y) ** 2).sum(axis=1).mean()))
