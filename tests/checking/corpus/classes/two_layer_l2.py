from __future__ import print_function

import numpy as np


class TwoLayerNet(object):
    """
    input - fully connected - ReLU - fully connected - softmax,
    trained with softmax loss and L2 regularisation on the weight matrices.
    """

    def __init__(self, input_size, hidden_size, output_size, std=0.4):
        self.params = {}
        self.params['W1'] = std * np.random.randn(input_size, hidden_size)
        self.params['b1'] = 0.1 * np.random.rand(hidden_size)
        self.params['W2'] = std * np.random.randn(hidden_size, output_size)
        self.params['b2'] = np.zeros(output_size)

    def loss(self, X, y=None, reg=0.0):
        W1, b1 = self.params['W1'], self.params['b1']
        W2, b2 = self.params['W2'], self.params['b2']
        N, D = X.shape

        hidden = np.maximum(0, X.dot(W1) + b1)
        scores = hidden.dot(W2) + b2
        if y is None:
            return scores

        shifted = scores - scores.max(axis=1)[:, None]
        e = np.exp(shifted)
        probs = e / e.sum(axis=1)[:, None]
        data_loss = -np.log(probs[range(N), y]).sum() / N
        reg_loss = 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        loss = data_loss + reg_loss

        grads = {}
        dscores = probs.copy()
        dscores[range(N), y] -= 1
        dscores /= N
        grads['W2'] = hidden.T.dot(dscores) + reg * W2
        grads['b2'] = dscores.sum(axis=0)
        dhidden = dscores.dot(W2.T)
        dhidden[hidden <= 0] = 0
        grads['W1'] = X.T.dot(dhidden) + reg * W1
        grads['b1'] = dhidden.sum(axis=0)
        return loss, grads

    def train(self, X, y, learning_rate=0.1, mu=0.9, reg=1e-2, num_iters=100, batch_size=25, verbose=True):
        velocity = {}
        for name in self.params:
            velocity[name] = np.zeros_like(self.params[name])
        for it in range(num_iters):
            idx = np.random.choice(X.shape[0], batch_size)
            loss, grads = self.loss(X[idx], y[idx], reg=reg)
            for name in self.params:
                velocity[name] = mu * velocity[name] - learning_rate * grads[name]
                self.params[name] += velocity[name]
            if verbose and it % 20 == 0:
                print('iteration %d / %d: loss %f' % (it, num_iters, loss))

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)


if __name__ == '__main__':
    np.random.seed(0)
    num = 75
    angle = np.linspace(0, 2.5, num // 3)
    X = np.zeros((num, 3))
    y = np.zeros(num, dtype='uint8')
    for c in range(3):
        a = angle + c * 2.1 + np.random.randn(num // 3) * 0.15
        r = np.linspace(0.2, 1.5, num // 3)
        X[c * 25:(c + 1) * 25] = np.c_[r * np.sin(a), r * np.cos(a), 0.3 * r]
        y[c * 25:(c + 1) * 25] = c
    net = TwoLayerNet(3, 12, 3)
    net.train(X, y)
    print('training accuracy', (net.predict(X) == y).mean())
