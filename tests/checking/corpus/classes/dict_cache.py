import numpy as np


class DeepNet:
    """
    Several yes/no labels for each sample, L layers: tanh in the hidden layers and a sigmoid on top.
    Samples are columns. All weights *and* the forward cache live in one dict.
    """

    def __init__(self, layer_dims, learning_rate=0.5, seed=1):
        np.random.seed(seed)
        self.L = len(layer_dims) - 1
        self.learning_rate = learning_rate
        self.p = {}
        for l in range(1, self.L + 1):
            self.p['W' + str(l)] = np.random.randn(layer_dims[l], layer_dims[l - 1]) / np.sqrt(layer_dims[l - 1])
            self.p['b' + str(l)] = np.zeros((layer_dims[l], 1))

    def forward_propagation(self, X):
        self.p['A0'] = X
        for l in range(1, self.L + 1):
            Z = np.dot(self.p['W' + str(l)], self.p['A' + str(l - 1)]) + self.p['b' + str(l)]
            self.p['Z' + str(l)] = Z
            if l < self.L:
                self.p['A' + str(l)] = np.tanh(Z)
            else:
                self.p['A' + str(l)] = 1 / (1 + np.exp(-Z))
        return self.p['A' + str(self.L)]

    def compute_cost(self, AL, Y):
        m = Y.shape[1]
        logprobs = np.multiply(np.log(AL + 1e-10), Y) + np.multiply(np.log(1 - AL + 1e-10), 1 - Y)
        return float(-np.sum(logprobs) / m)

    def backward_propagation(self, Y):
        m = Y.shape[1]
        grads = {}
        AL = self.p['A' + str(self.L)]
        dZ = AL - Y
        for l in range(self.L, 0, -1):
            grads['dW' + str(l)] = np.dot(dZ, self.p['A' + str(l - 1)].T) / m
            grads['db' + str(l)] = np.sum(dZ, axis=1, keepdims=True) / m
            if l > 1:
                dA = np.dot(self.p['W' + str(l)].T, dZ)
                dZ = dA * (1 - np.power(self.p['A' + str(l - 1)], 2))
        return grads

    def update_parameters(self, grads):
        for l in range(1, self.L + 1):
            self.p['W' + str(l)] = self.p['W' + str(l)] - self.learning_rate * grads['dW' + str(l)]
            self.p['b' + str(l)] = self.p['b' + str(l)] - self.learning_rate * grads['db' + str(l)]

    def fit(self, X, Y, num_iterations=600, print_cost=True):
        for i in range(num_iterations):
            AL = self.forward_propagation(X)
            cost = self.compute_cost(AL, Y)
            grads = self.backward_propagation(Y)
            self.update_parameters(grads)
            if print_cost and i % 100 == 0:
                print("Cost after iteration %i: %f" % (i, cost))


np.random.seed(2)
X = np.random.randn(2, 30)
X = np.vstack([X, X[0] * X[1] + 0.3 * np.random.randn(30)])
Y = np.array([X[0] ** 2 + X[1] ** 2 > 1.2, X[0] > X[1], X[2] > 0], dtype=float)

model = DeepNet([3, 3, 3, 3])
model.fit(X, Y)
pred = model.forward_propagation(X) > 0.5
print("accuracy:", np.mean(pred == Y))
