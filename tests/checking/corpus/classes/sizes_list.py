"""
A network of any depth, given as a list of layer sizes, trained with
mini-batch gradient descent.  Columns are vectors; one sample at a time
goes through the network.
"""
import random

import numpy as np


def sig(z):
    return 1.0 / (1.0 + np.exp(-z))


def sig_prime(z):
    return sig(z) * (1 - sig(z))


class Net(object):

    def __init__(self, sizes):
        self.sizes = sizes
        self.n_layers = len(sizes)
        self.biases = [np.random.randn(n, 1) for n in sizes[1:]]
        self.weights = [np.random.randn(n, m) for m, n in zip(sizes[:-1], sizes[1:])]

    def forward(self, a):
        for w, b in zip(self.weights, self.biases):
            a = sig(w @ a + b)
        return a

    def fit(self, data, epochs, batch, eta):
        for e in range(epochs):
            random.shuffle(data)
            for k in range(0, len(data), batch):
                self.one_batch(data[k:k + batch], eta)
            if e % 40 == 0:
                print("epoch %3d  cost %.5f" % (e, self.cost(data)))

    def one_batch(self, samples, eta):
        sum_b = [np.zeros_like(b) for b in self.biases]
        sum_w = [np.zeros_like(w) for w in self.weights]
        for x, y in samples:
            gb, gw = self.gradients(x, y)
            sum_b = [s + g for s, g in zip(sum_b, gb)]
            sum_w = [s + g for s, g in zip(sum_w, gw)]
        m = len(samples)
        self.weights = [w - eta / m * s for w, s in zip(self.weights, sum_w)]
        self.biases = [b - eta / m * s for b, s in zip(self.biases, sum_b)]

    def gradients(self, x, y):
        gb = [None] * (self.n_layers - 1)
        gw = [None] * (self.n_layers - 1)
        a = x
        acts = [x]
        zs = []
        for w, b in zip(self.weights, self.biases):
            z = np.dot(w, a) + b
            zs.append(z)
            a = sig(z)
            acts.append(a)
        delta = (acts[-1] - y) * sig_prime(zs[-1])
        gb[-1] = delta
        gw[-1] = np.dot(delta, acts[-2].T)
        for l in range(2, self.n_layers):
            delta = np.dot(self.weights[-l + 1].T, delta) * sig_prime(zs[-l])
            gb[-l] = delta
            gw[-l] = np.dot(delta, acts[-l - 1].T)
        return gb, gw

    def cost(self, data):
        return sum(0.5 * np.sum((self.forward(x) - y) ** 2) for x, y in data) / len(data)


if __name__ == "__main__":
    random.seed(3)
    np.random.seed(3)
    points = np.random.uniform(-1, 1, (40, 3))
    data = []
    for p in points:
        y = [float(p[0] + p[1] > 0), float(p[2] > p[0]), float(p[1] * p[2] < 0)]
        data.append((p.reshape(3, 1), np.array(y).reshape(3, 1)))
    net = Net([3, 3, 3, 3])
    net.fit(data, 160, 8, 3.0)
    print("end of training, cost", net.cost(data))
