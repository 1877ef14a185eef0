"""one softplus unit fitted to counts; arrays get their shapes changed in place"""
import numpy as np

np.random.seed(52)
n = 12
t = np.linspace(-1, 1, n)
counts = np.array([5, 4, 4, 3, 1, 2, 1, 1, 2, 2, 4, 3])

features = np.concatenate([t, t ** 2, t ** 3])
features.shape = (3, n)
features = features.T
counts.shape = (n, 1)

w = np.random.normal(0, 0.5, 3)
w.shape = (3, 1)
w0 = 0.3


def softplus(v):
    return np.log(1 + np.exp(v))


def logistic(v):
    return 1 / (1 + np.exp(-v))


for k in range(400):
    v = np.dot(features, w) + w0
    rate_hat = softplus(v)
    err = rate_hat - counts
    dv = err * logistic(v)
    gw = np.dot(features.T, dv) / n
    g0 = np.sum(dv) / n
    w = w - 0.4 * gw
    w0 = w0 - 0.4 * g0
    if not k % 80:
        print(k, 'half mse', 0.5 * np.mean(err ** 2))

print('final', 0.5 * np.mean(err ** 2), 'weights', w.ravel(), w0)
