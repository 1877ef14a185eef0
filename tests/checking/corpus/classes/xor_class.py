import numpy as np

class XorNet:
    def __init__(self, hidden=4, lr=0.8):
        rng = np.random.RandomState(5)
        self.W1 = rng.normal(0, 1, (2, hidden))
        self.b1 = rng.normal(0, 0.1, (1, hidden))
        self.W2 = rng.normal(0, 1, (hidden, 1))
        self.b2 = np.zeros((1, 1))
        self.lr = lr

    def _sigmoid(self, s):
        return 1 / (1 + np.exp(-s))

    def _sigmoidPrime(self, s):
        # s is already an activation
        return s * (1 - s)

    def forward(self, X):
        self.z = X @ self.W1 + self.b1
        self.z2 = self._sigmoid(self.z)
        self.z3 = self.z2 @ self.W2 + self.b2
        return self._sigmoid(self.z3)

    def backward(self, X, y, o):
        self.o_error = y - o
        self.o_delta = self.o_error * self._sigmoidPrime(o)

        self.z2_error = self.o_delta.dot(self.W2.T)
        self.z2_delta = self.z2_error * self._sigmoidPrime(self.z2)

        self.W1 = self.W1 + self.lr * X.T.dot(self.z2_delta)
        self.b1 = self.b1 + self.lr * np.sum(self.z2_delta, axis=0, keepdims=True)
        self.W2 = self.W2 + self.lr * self.z2.T.dot(self.o_delta)
        self.b2 = self.b2 + self.lr * np.sum(self.o_delta, axis=0, keepdims=True)

    def train(self, X, y):
        o = self.forward(X)
        self.backward(X, y, o)


X = np.array(([0, 0], [0, 1], [1, 0], [1, 1]), dtype=float)
y = np.array(([0], [1], [1], [0]), dtype=float)

NN = XorNet()
for i in range(3000):
    if i % 500 == 0:
        print("Loss:", np.mean(np.square(y - NN.forward(X))))
    NN.train(X, y)
print("Predicted Output:\n", NN.forward(X))
