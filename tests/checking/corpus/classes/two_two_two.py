import numpy as np


class NeuralNetwork:
    """2 inputs, 2 hidden units, 2 outputs. Row j of a weight matrix belongs to unit j."""

    def __init__(self):
        self.w1 = np.array([[0.3, 0.25],
                            [0.4, 0.35]])
        self.w2 = np.array([[0.45, 0.4],
                            [0.7, 0.6]])
        self.learning_rate = 0.5

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def feed_forward(self, x):
        self.x = x
        self.h = self.sigmoid(np.dot(self.w1, x))
        self.o = self.sigmoid(np.dot(self.w2, self.h))
        return self.o

    def error(self, target):
        return np.sum(0.5 * (target - self.o) ** 2)

    def back_propagate(self, target):
        # output layer
        delta_o = -(target - self.o) * self.o * (1 - self.o)
        dE_dw2 = np.outer(delta_o, self.h)

        # hidden layer: unit j gets its error from every output k
        slope_h = self.h * (1 - self.h)
        delta_h = np.zeros(2)
        for k in range(2):
            for j in range(2):
                delta_h[j] += delta_o[k] * self.w2[k, j] * slope_h[j]
        dE_dw1 = np.outer(delta_h, self.x)

        self.w2 = self.w2 - self.learning_rate * dE_dw2
        self.w1 = self.w1 - self.learning_rate * dE_dw1


nn = NeuralNetwork()
x = np.array([0.1, 0.2])
target = np.array([0.4, 0.6])

for step in range(300):
    nn.feed_forward(x)
    if step % 50 == 0:
        print(step, nn.error(target), nn.o)
    nn.back_propagate(target)
print("finally", nn.feed_forward(x), nn.error(target))
