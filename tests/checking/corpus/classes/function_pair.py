import numpy as np

# an activation is a pair: the function and its derivative, both taken at z
TANH = (np.tanh, lambda z: 1.0 - np.tanh(z) ** 2)
SIGMOID = (lambda z: 1.0 / (1.0 + np.exp(-z)),
           lambda z: np.exp(-z) / (1.0 + np.exp(-z)) ** 2)
IDENTITY = (lambda z: z, lambda z: np.ones(z.shape))


class Network:
    def __init__(self, n0, n1, n2, n3, activations):
        self.activations = activations
        R = np.random.RandomState(17)
        self.W = [None, R.randn(n1, n0) * 0.7, R.randn(n2, n1) * 0.7, R.randn(n3, n2) * 0.7]
        self.b = [None, R.randn(n1) * 0.1, R.randn(n2) * 0.1, R.randn(n3) * 0.1]

    def feedforward(self, x):
        self.a = [x]
        self.z = [None]
        for k in (1, 2, 3):
            f, _ = self.activations[k - 1]
            self.z.append(self.W[k].dot(self.a[k - 1]) + self.b[k])
            self.a.append(f(self.z[k]))
        return self.a[3]

    def train_on(self, x, t, alpha):
        y = self.feedforward(x)
        f1, df1 = self.activations[0]
        f2, df2 = self.activations[1]
        f3, df3 = self.activations[2]

        d3 = (y - t) * df3(self.z[3])
        d2 = self.W[3].T.dot(d3) * df2(self.z[2])
        d1 = self.W[2].T.dot(d2) * df1(self.z[1])

        self.W[3] -= alpha * d3[:, None] * self.a[2]
        self.W[2] -= alpha * d2[:, None] * self.a[1]
        self.W[1] -= alpha * d1[:, None] * self.a[0]
        self.b[3] -= alpha * d3
        self.b[2] -= alpha * d2
        self.b[1] -= alpha * d1
        return 0.5 * np.sum((y - t) ** 2)


net = Network(3, 4, 4, 4, [TANH, SIGMOID, IDENTITY])
R = np.random.RandomState(0)
inputs = R.uniform(-1, 1, (25, 3))
M = R.randn(4, 3)
targets = np.tanh(inputs.dot(M.T)) + 0.3 * inputs[:, [0]] * inputs[:, [1]]

alpha = 0.1
for epoch in range(120):
    sse = 0
    for x, t in zip(inputs, targets):
        sse += net.train_on(x, t, alpha)
    if epoch % 30 == 0 or epoch == 119:
        print("%4d  %.6f" % (epoch, sse / len(inputs)))
