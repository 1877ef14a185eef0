"""A small graph library: nodes know their inputs, each node keeps one gradient per input."""
import numpy as np


class Node:
    def __init__(self, inbound=()):
        self.inbound = list(inbound)
        self.outbound = []
        self.value = None
        self.gradients = {}
        for n in self.inbound:
            n.outbound.append(self)

    def upstream(self):
        """Sum of what all consumers send back."""
        total = np.zeros_like(self.value)
        for n in self.outbound:
            total += n.gradients[self]
        return total


class Placeholder(Node):
    def forward(self):
        pass

    def backward(self):
        self.gradients[self] = self.upstream()


class Linear(Node):
    def __init__(self, X, W, b):
        Node.__init__(self, [X, W, b])

    def forward(self):
        X, W, b = [n.value for n in self.inbound]
        self.value = np.dot(X, W) + b

    def backward(self):
        X, W, b = self.inbound
        g = self.upstream()
        self.gradients[X] = np.dot(g, W.value.T)
        self.gradients[W] = np.dot(X.value.T, g)
        self.gradients[b] = np.sum(g, axis=0, keepdims=False)


class Sigmoid(Node):
    def __init__(self, node):
        Node.__init__(self, [node])

    def forward(self):
        self.value = 1. / (1. + np.exp(-self.inbound[0].value))

    def backward(self):
        s = self.value
        self.gradients[self.inbound[0]] = s * (1 - s) * self.upstream()


class Add(Node):
    def __init__(self, a, b):
        Node.__init__(self, [a, b])

    def forward(self):
        self.value = self.inbound[0].value + self.inbound[1].value

    def backward(self):
        g = self.upstream()
        self.gradients[self.inbound[0]] = g
        self.gradients[self.inbound[1]] = g


class MSE(Node):
    def __init__(self, y, a):
        Node.__init__(self, [y, a])

    def forward(self):
        y = self.inbound[0].value
        a = self.inbound[1].value
        self.m = y.shape[0]
        self.diff = y - a
        self.value = np.mean(self.diff ** 2)

    def backward(self):
        self.gradients[self.inbound[0]] = (2 / self.m) * self.diff
        self.gradients[self.inbound[1]] = (-2 / self.m) * self.diff


def run(graph):
    for n in graph:
        n.forward()
    for n in graph[::-1]:
        n.backward()


def sgd_update(trainables, rate):
    for t in trainables:
        t.value -= rate * t.gradients[t]


np.random.seed(8)
X, Y = Placeholder(), Placeholder()
W1, b1, W2, b2, W3, b3 = [Placeholder() for _ in range(6)]
l1 = Sigmoid(Linear(X, W1, b1))
l2 = Sigmoid(Linear(l1, W2, b2))
out = Linear(Add(l1, l2), W3, b3)          # l1 is used twice
cost = MSE(Y, out)

X.value = np.random.uniform(-2, 2, (30, 3))
Y.value = (np.sin(X.value[:, 0]) + 0.4 * X.value[:, 1] * X.value[:, 2]).reshape(30, 1)
W1.value, b1.value = np.random.randn(3, 5), np.zeros(5)
W2.value, b2.value = np.random.randn(5, 5), np.zeros(5)
W3.value, b3.value = np.random.randn(5, 1), np.zeros(1)

order = [X, Y, W1, b1, W2, b2, W3, b3, l1.inbound[0], l1, l2.inbound[0], l2, out.inbound[0], out, cost]
for i in range(400):
    run(order)
    sgd_update([W1, b1, W2, b2, W3, b3], 0.2)
    if i % 100 == 0:
        print("step", i, "cost", cost.value)
print("step", i, "cost", cost.value)
