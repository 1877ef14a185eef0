# coding: utf-8
from collections import OrderedDict

import numpy as np


class Affine:
    def __init__(self, W, b):
        self.W = W
        self.b = b
        self.x = None
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        out = np.dot(self.x, self.W) + self.b
        return out

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


class Relu:
    def __init__(self):
        self.mask = None

    def forward(self, x):
        self.mask = (x <= 0)
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dx = dout.copy()
        dx[self.mask] = 0
        return dx


class SoftmaxWithLoss:
    def __init__(self):
        self.loss = None
        self.y = None
        self.t = None

    def forward(self, x, t):
        self.t = t
        x = x - np.max(x, axis=1, keepdims=True)
        self.y = np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)
        self.loss = -np.sum(self.t * np.log(self.y + 1e-12)) / self.t.shape[0]
        return self.loss

    def backward(self, dout=1):
        batch_size = self.t.shape[0]
        dx = dout * (self.y - self.t) / batch_size
        return dx


class SGD:
    def __init__(self, lr=0.1):
        self.lr = lr

    def update(self, params, grads):
        for key in params.keys():
            params[key] -= self.lr * grads[key]


class ThreeLayerNet:
    def __init__(self, n_in, n_hidden, n_out):
        self.params = {}
        sizes = [n_in] + n_hidden + [n_out]
        for i in range(1, len(sizes)):
            self.params['W' + str(i)] = np.random.randn(sizes[i - 1], sizes[i]) * np.sqrt(2.0 / sizes[i - 1])
            self.params['b' + str(i)] = np.zeros(sizes[i])
        self.layers = OrderedDict()
        self.layers['Affine1'] = Affine(self.params['W1'], self.params['b1'])
        self.layers['Relu1'] = Relu()
        self.layers['Affine2'] = Affine(self.params['W2'], self.params['b2'])
        self.layers['Relu2'] = Relu()
        self.layers['Affine3'] = Affine(self.params['W3'], self.params['b3'])
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers.values():
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.last_layer.forward(self.predict(x), t)

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last_layer.backward(1)
        for layer in reversed(list(self.layers.values())):
            dout = layer.backward(dout)
        grads = {}
        for i in (1, 2, 3):
            grads['W' + str(i)] = self.layers['Affine' + str(i)].dW
            grads['b' + str(i)] = self.layers['Affine' + str(i)].db
        return grads


np.random.seed(7)
centers = np.array([[1.5, 0.0, -1.0, 0.5], [-1.0, 1.2, 0.3, 0.0], [0.0, -1.3, 1.0, -1.0]])
labels = np.arange(60) % 3
x_train = centers[labels] + 0.8 * np.random.randn(60, 4)
t_train = np.eye(3)[labels]

network = ThreeLayerNet(4, [6, 5], 3)
optimizer = SGD(0.1)
for i in range(81):
    batch_mask = np.random.choice(60, 20)
    x_batch, t_batch = x_train[batch_mask], t_train[batch_mask]
    grads = network.gradient(x_batch, t_batch)
    optimizer.update(network.params, grads)
    if i % 20 == 0:
        acc = np.mean(np.argmax(network.predict(x_train), axis=1) == labels)
        print(i, network.loss(x_train, t_train), acc)
