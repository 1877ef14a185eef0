import numpy as np


def init(rng, n_in, n_hidden, n_out):
    return (
        rng.normal(0, 0.7, (n_in, n_hidden)),
        rng.normal(0, 0.1, n_hidden),
        rng.normal(0, 0.7, (n_hidden, n_out)),
        rng.normal(0, 0.1, n_out),
    )


def predict(params, X):
    W, b, V, c = params
    return np.einsum('nj,jk->nk', np.tanh(np.einsum('ni,ij->nj', X, W) + b), V) + c


def mse(params, X, Y):
    return np.mean((predict(params, X) - Y) ** 2)


def grad(params, X, Y):
    (W, b, V, c) = params
    pre = np.einsum('ni,ij->nj', X, W) + b
    hid = np.tanh(pre)
    out = np.einsum('nj,jk->nk', hid, V) + c
    r = 2 * (out - Y) / out.size
    gV = np.einsum('nj,nk->jk', hid, r)
    gc = np.einsum('nk->k', r)
    rh = np.einsum('nk,jk->nj', r, V)
    rp = rh * (1 - np.tanh(pre) ** 2)
    gW = np.einsum('ni,nj->ij', X, rp)
    gb = np.einsum('nj->j', rp)
    return (gW, gb, gV, gc)


def step(params, X, Y, eta):
    return tuple(p - eta * g for p, g in zip(params, grad(params, X, Y)))


def main():
    rng = np.random.default_rng(2024)
    X = rng.uniform(-2, 2, (4, 2))
    Y = np.stack([np.sin(X[:, 0]), X[:, 0] * X[:, 1] / 2, np.cos(X[:, 1])], axis=1)
    params = init(rng, 2, 3, 3)
    print('before', mse(params, X, Y))
    for _ in range(300):
        params = step(params, X, Y, 0.1)
    print('after', mse(params, X, Y))


main()
