"""Recommender: matrix factorisation with biases, stochastic gradient descent over the known ratings."""
import numpy as np

rng = np.random.RandomState(9)

R = np.array([
    [5, 3, 0, 1, 4],
    [4, 0, 0, 1, 5],
    [1, 1, 0, 5, 2],
    [1, 0, 5, 4, 0],
    [0, 1, 5, 4, 1],
    [2, 1, 3, 0, 0],
])
users, items = R.nonzero()
samples = [(u, i, R[u, i]) for u, i in zip(users, items)]


class MF:
    def __init__(self, n_users, n_items, k=3, alpha=0.03, beta=0.02):
        self.P = rng.normal(scale=1. / k, size=(n_users, k))
        self.Q = rng.normal(scale=1. / k, size=(n_items, k))
        self.b_u = rng.normal(scale=0.1, size=n_users)
        self.b_i = rng.normal(scale=0.1, size=n_items)
        self.mu = np.mean(R[R > 0])
        self.alpha, self.beta = alpha, beta

    def rating(self, u, i):
        return self.mu + self.b_u[u] + self.b_i[i] + self.P[u, :].dot(self.Q[i, :].T)

    def sgd(self, samples):
        for u, i, r in samples:
            e = r - self.rating(u, i)
            self.b_u[u] += self.alpha * (e - self.beta * self.b_u[u])
            self.b_i[i] += self.alpha * (e - self.beta * self.b_i[i])
            P_u = self.P[u, :].copy()
            self.P[u, :] += self.alpha * (e * self.Q[i, :] - self.beta * self.P[u, :])
            self.Q[i, :] += self.alpha * (e * P_u - self.beta * self.Q[i, :])

    def mse(self):
        return sum((r - self.rating(u, i)) ** 2 for u, i, r in samples)


mf = MF(*R.shape)
for it in range(100):
    rng.shuffle(samples)
    mf.sgd(samples)
    if (it + 1) % 25 == 0:
        print("Iteration: %d ; error = %.4f" % (it + 1, np.sqrt(mf.mse())))
