# A network without classes: a layer is a pair of closures.
import numpy as np

ACT = {
    'tanh': (lambda z: np.tanh(z), lambda a: 1 - a * a),
    'logistic': (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    'softplus': (lambda z: np.logaddexp(0, z), lambda a: 1 - np.exp(-a)),      # all in terms of the output
}


def dense(gen, n_in, n_out, act):
    f, df = ACT[act]
    W = gen.standard_normal((n_in, n_out)) / np.sqrt(n_in)
    b = np.zeros((1, n_out))
    seen = None

    def forward(x):
        nonlocal seen
        a = f(x @ W + b)
        seen = (x, a)
        return a

    def backward(dout, lr):
        nonlocal W, b
        x, a = seen
        dz = dout * df(a)
        dx = dz @ W.T
        W = W - lr * x.T @ dz
        b = b - lr * dz.sum(axis=0, keepdims=True)
        return dx

    return forward, backward


def network(*layers):
    def run(x):
        for forward, _ in layers:
            x = forward(x)
        return x

    def fit(x, y, lr):
        p = np.clip(run(x), 1e-9, 1 - 1e-9)
        loss = -np.mean(np.sum(y * np.log(p) + (1 - y) * np.log(1 - p), axis=1))
        dp = (p - y) / (p * (1 - p)) / len(x)
        for _, backward in reversed(layers):
            dp = backward(dp, lr)
        return loss

    return run, fit


gen = np.random.default_rng(99)
x = gen.uniform(-1.5, 1.5, (40, 3))
y = np.stack([x[:, 0] * x[:, 1] > 0, x[:, 0] + x[:, 2] > 0], axis=1).astype(float)

run, fit = network(dense(gen, 3, 5, 'tanh'), dense(gen, 5, 5, 'softplus'), dense(gen, 5, 2, 'logistic'))
for epoch in range(80):
    total = 0
    for start in range(0, 40, 5):
        total += fit(x[start:start + 5], y[start:start + 5], 0.2)
    if epoch % 20 == 19:
        print(epoch + 1, total / 8)
print('accuracy', np.mean((run(x) > 0.5) == y))
