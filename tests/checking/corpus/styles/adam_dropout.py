import numpy as np


def make_adam(params, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    m = {n: np.zeros_like(p) for n, p in params.items()}
    v = {n: np.zeros_like(p) for n, p in params.items()}
    t = 0

    def update(grads):
        nonlocal t
        t += 1
        for n in params:
            g = grads[n]
            m[n] = beta1 * m[n] + (1 - beta1) * g
            v[n] = beta2 * v[n] + (1 - beta2) * g ** 2
            mhat = m[n] / (1 - beta1 ** t)
            vhat = v[n] / (1 - beta2 ** t)
            params[n] -= lr * mhat / (np.sqrt(vhat) + eps)

    return update


def train(seed=31, n_steps=300, keep=0.8):
    rng = np.random.default_rng(seed)
    P = {}
    dims = [2, 8, 8, 2]
    for l in range(1, 4):
        P['w%d' % l] = rng.standard_normal((dims[l], dims[l - 1])) * dims[l - 1] ** -0.5
        P['c%d' % l] = np.zeros((dims[l], 1))
    adam_update = make_adam(P, lr=0.02)

    xs = rng.uniform(-1, 1, (2, 60))
    ys = np.vstack([np.sin(3 * xs[0]) * xs[1], xs[0] ** 2 - xs[1]])
    history = []

    for it in range(n_steps):
        pick = rng.choice(60, 8, replace=False)
        x, y = xs[:, pick], ys[:, pick]

        # forward, with dropout on the second hidden layer
        s1 = P['w1'] @ x + P['c1']
        h1 = np.tanh(s1)
        s2 = P['w2'] @ h1 + P['c2']
        h2 = np.tanh(s2)
        drop = (rng.random(h2.shape) < keep) / keep
        h2d = h2 * drop
        out = P['w3'] @ h2d + P['c3']
        history.append(np.mean((out - y) ** 2))

        # backward
        G = {}
        d_out = 2 * (out - y) / out.size
        G['w3'] = d_out @ h2d.T
        G['c3'] = np.sum(d_out, axis=1, keepdims=True)
        d_h2 = (P['w3'].T @ d_out) * drop
        d_s2 = d_h2 * (1 - h2 ** 2)
        G['w2'] = d_s2 @ h1.T
        G['c2'] = np.sum(d_s2, axis=1, keepdims=True)
        d_s1 = (P['w2'].T @ d_s2) * (1 - h1 ** 2)
        G['w1'] = d_s1 @ x.T
        G['c1'] = np.sum(d_s1, axis=1, keepdims=True)

        adam_update(G)

    return history


if __name__ == '__main__':
    h = train()
    for i in range(0, 300, 75):
        print(i, np.mean(h[i:i + 25]))
    print('end', np.mean(h[-25:]))
