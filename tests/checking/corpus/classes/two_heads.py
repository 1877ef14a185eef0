import numpy as np


class MultiTaskNet(object):
    """One shared hidden layer; a softmax head for the class and a linear head for a number."""

    def __init__(self, n_in, n_hid, n_cls, activation='tanh', weight=0.5):
        if activation not in ('tanh', 'sigmoid', 'relu'):
            raise ValueError('unknown activation ' + activation)
        self.activation = activation
        self.weight = weight
        rs = np.random.RandomState(13)
        self.Wh = rs.randn(n_hid, n_in) * 0.5
        self.bh = np.zeros((n_hid, 1))
        self.Wc = rs.randn(n_cls, n_hid) * 0.5
        self.bc = np.zeros((n_cls, 1))
        self.Wr = rs.randn(1, n_hid) * 0.5
        self.br = np.zeros((1, 1))

    def act(self, z):
        if self.activation == 'tanh':
            return np.tanh(z)
        elif self.activation == 'sigmoid':
            return 1 / (1 + np.exp(-z))
        return np.maximum(z, 0)

    def act_deriv(self, a):
        if self.activation == 'tanh':
            return 1 - a * a
        elif self.activation == 'sigmoid':
            return a * (1 - a)
        return (a > 0).astype(float)

    def forward(self, X):
        h = self.act(self.Wh @ X + self.bh)
        s = self.Wc @ h + self.bc
        e = np.exp(s - s.max(axis=0))
        probs = e / e.sum(axis=0)
        value = self.Wr @ h + self.br
        return probs, value, (X, h)

    def loss(self, probs, value, onehot, number):
        m = onehot.shape[1]
        ce = -np.sum(onehot * np.log(probs)) / m
        se = np.sum((value - number) ** 2) / m
        return ce + self.weight * se

    def backward(self, probs, value, onehot, number, cache):
        X, h = cache
        m = X.shape[1]
        d_s = (probs - onehot) / m
        d_v = 2 * self.weight * (value - number) / m
        d_h = self.Wc.T @ d_s
        d_h += self.Wr.T @ d_v
        d_z = d_h * self.act_deriv(h)
        return {
            'Wc': d_s @ h.T, 'bc': d_s.sum(axis=1, keepdims=True),
            'Wr': d_v @ h.T, 'br': d_v.sum(axis=1, keepdims=True),
            'Wh': d_z @ X.T, 'bh': d_z.sum(axis=1, keepdims=True),
        }


class Adagrad(object):
    def __init__(self, lr=0.1):
        self.lr = lr
        self.h = None

    def update(self, net, grads):
        if self.h is None:
            self.h = {}
            for key, g in grads.items():
                self.h[key] = np.zeros_like(g)
        for key, g in grads.items():
            self.h[key] += g * g
            value = getattr(net, key)
            value -= self.lr * g / (np.sqrt(self.h[key]) + 1e-7)


if __name__ == '__main__':
    rs = np.random.RandomState(3)
    X = rs.randn(3, 45)
    cls = (X[0] + 0.5 * X[1] > 0).astype(int) + (X[2] > 0.3)
    onehot = np.eye(3)[cls].T
    number = (np.sin(X[0]) - 0.5 * X[1] + 0.05 * rs.randn(45)).reshape(1, -1)

    net = MultiTaskNet(3, 3, 3)
    opt = Adagrad(0.1)
    for epoch in range(150):
        probs, value, cache = net.forward(X)
        if epoch % 30 == 0:
            print('epoch', epoch, 'loss', net.loss(probs, value, onehot, number))
        grads = net.backward(probs, value, onehot, number, cache)
        opt.update(net, grads)
    print('accuracy', np.mean(probs.argmax(axis=0) == cls))
