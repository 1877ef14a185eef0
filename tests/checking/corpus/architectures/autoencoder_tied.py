import numpy as np
rng = np.random.RandomState(123)

class TiedAutoencoder:
    """x -> sigmoid(x W + b) -> sigmoid(y W' + b'), the decoder uses the transposed weights"""
    def __init__(self, n_visible, n_hidden):
        a = 4 * np.sqrt(6. / (n_hidden + n_visible))
        self.W = rng.uniform(-a / 2, a / 2, (n_visible, n_hidden))
        self.hbias = np.zeros(n_hidden)
        self.vbias = np.zeros(n_visible)

    def encode(self, x):
        return 1 / (1 + np.exp(-(np.dot(x, self.W) + self.hbias)))

    def decode(self, y):
        return 1 / (1 + np.exp(-(np.dot(y, self.W.T) + self.vbias)))

    def cost(self, x):
        z = self.decode(self.encode(x))
        return 0.5 * np.mean(np.sum((x - z) ** 2, axis=1))

    def train(self, x, lr):
        y = self.encode(x)
        z = self.decode(y)
        L_z = (x - z) * z * (1 - z)
        L_y = np.dot(L_z, self.W)
        L_h = L_y * y * (1 - y)
        L_vbias = np.mean(L_z, axis=0)
        L_hbias = np.mean(L_h, axis=0)
        L_W = (np.dot(x.T, L_h) + np.dot(L_z.T, y)) / x.shape[0]
        self.W += lr * L_W
        self.hbias += lr * L_hbias
        self.vbias += lr * L_vbias

# half-on patterns, a little noisy
data = np.array([[1, 1, 1, 0, 0, 0, 0, 0],
                 [0, 0, 0, 1, 1, 1, 0, 0],
                 [0, 0, 0, 0, 0, 1, 1, 1],
                 [1, 1, 0, 0, 0, 0, 1, 1],
                 [0, 1, 1, 0, 0, 1, 1, 0]], dtype=float)
data = np.abs(data - 0.1 * rng.rand(5, 8))

da = TiedAutoencoder(8, 3)
for epoch in range(600):
    da.train(data, lr=1.5)
    if epoch % 150 == 0:
        print('epoch', epoch, 'cost', da.cost(data))
print('end cost', da.cost(data))
