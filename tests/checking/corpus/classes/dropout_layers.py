import numpy as np

rng = np.random


class FC:
    def __init__(self, nin, nout):
        self.W = rng.randn(nin, nout) * np.sqrt(2 / nin)
        self.b = np.zeros((1, nout))

    def fwd(self, x, train):
        return x @ self.W + self.b, x

    def bwd(self, dy, cache):
        x = cache
        self.gW = x.T @ dy
        self.gb = dy.sum(0, keepdims=True)
        dx = dy @ self.W.T
        return dx


class LeakyReLU:
    slope = 0.1

    def fwd(self, x, train):
        return np.where(x > 0, x, self.slope * x), x

    def bwd(self, dy, cache):
        dx = np.where(cache > 0, 1, self.slope) * dy
        return dx


class Dropout:
    """Inverted dropout: scaled at training time, nothing to do at test time."""

    def __init__(self, keep):
        self.keep = keep

    def fwd(self, x, train):
        if not train:
            return x, None
        mask = (rng.rand(*x.shape) < self.keep) / self.keep
        return x * mask, mask

    def bwd(self, dy, cache):
        dx = dy * cache
        return dx


def softmax_xent(scores, y):
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    n = len(y)
    loss = -np.mean(np.log(p[np.arange(n), y]))
    dscores = p
    dscores[np.arange(n), y] -= 1
    dscores = dscores / n
    return loss, dscores


class Net:
    def __init__(self):
        self.stack = [FC(4, 10), LeakyReLU(), Dropout(0.8), FC(10, 10), LeakyReLU(), Dropout(0.8), FC(10, 3)]

    def run(self, x, train=True):
        self.caches = []
        for layer in self.stack:
            x, c = layer.fwd(x, train)
            self.caches.append(c)
        return x

    def train_step(self, x, y, lr):
        scores = self.run(x)
        loss, d = softmax_xent(scores, y)
        for layer, c in zip(self.stack[::-1], self.caches[::-1]):
            d = layer.bwd(d, c)
        for layer in self.stack:
            if isinstance(layer, FC):
                layer.W = layer.W - lr * layer.gW
                layer.b = layer.b - lr * layer.gb
        return loss


def make_data(n):
    y = rng.randint(0, 3, n)
    x = rng.randn(n, 4)
    x[np.arange(n), y] += 2.0
    return x, y


if __name__ == "__main__":
    rng.seed(11)
    x, y = make_data(90)
    net = Net()
    for epoch in range(101):
        loss = net.train_step(x, y, lr=0.1)
        if epoch % 20 == 0:
            acc = (net.run(x, train=False).argmax(1) == y).mean()
            print(f"{epoch:3d} loss {loss:.4f}  acc {acc:.3f}")
