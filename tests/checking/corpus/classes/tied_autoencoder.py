import numpy as np

class RMSProp:
    def __init__(self, lr, decay=0.9):
        self.lr, self.decay, self.cache = lr, decay, {}

    def apply(self, params, grads):
        for k in params:
            c = self.cache.get(k, 0.0)
            c = self.decay * c + (1 - self.decay) * grads[k] * grads[k]
            self.cache[k] = c
            params[k] = params[k] - self.lr * grads[k] / np.sqrt(c + 1e-8)

class Autoencoder:
    """encode: sigmoid(x W + b), decode: sigmoid(h W' + c), the same W both times"""

    def __init__(self, n_visible, n_hidden, optimizer):
        rng = np.random.RandomState(99)
        self.params = dict(W=rng.uniform(-0.8, 0.8, (n_visible, n_hidden)),
                           b=rng.uniform(-0.1, 0.1, n_hidden),
                           c=rng.uniform(-0.1, 0.1, n_visible))
        self.optimizer = optimizer

    @staticmethod
    def sigm(u):
        return 1 / (1 + np.exp(-u))

    def encode(self, x):
        return self.sigm(x.dot(self.params['W']) + self.params['b'])

    def decode(self, h):
        return self.sigm(h.dot(self.params['W'].T) + self.params['c'])

    def cost(self, x):
        return np.sum((self.decode(self.encode(x)) - x) ** 2) / len(x)

    def learn(self, x):
        n = len(x)
        W = self.params['W']
        h = self.encode(x)
        r = self.decode(h)

        dr = 2 * (r - x) / n
        dv = dr * r * (1 - r)
        dh = dv.dot(W)
        du = dh * h * (1 - h)

        grads = {}
        grads['c'] = dv.sum(0)
        grads['b'] = du.sum(0)
        grads['W'] = dv.T.dot(h)      # from the decoder
        grads['W'] += x.T.dot(du)     # from the encoder
        self.optimizer.apply(self.params, grads)

patterns = np.array([[1, 0, 0, 1, .5], [0, 1, 0, 1, .2], [0, 0, 1, 0, .8], [1, 1, 0, 0, .3]])
noise = np.random.RandomState(4)
data = np.clip(patterns[noise.randint(0, 4, 24)] * 0.8 + 0.1 + 0.05 * noise.randn(24, 5), 0, 1)

ae = Autoencoder(5, 5, RMSProp(0.02))
for epoch in range(300):
    for k in range(0, 24, 8):
        ae.learn(data[k:k + 8])
    if epoch % 60 == 0:
        print("reconstruction error", ae.cost(data))
print("reconstruction error", ae.cost(data))
