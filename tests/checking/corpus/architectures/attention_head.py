"""A single attention head, one sequence at a time.

Task: every sequence has one marked token; report the number written on it.
"""
import numpy as np

np.random.seed(17)
L, D, A = 4, 3, 4          # length, token size, head size


def make(n):
    seqs, nums = [], []
    for _ in range(n):
        s = np.random.uniform(-1, 1, (L, D))
        s[:, 1] = 0
        k = np.random.randint(L)
        s[k, 1] = 1.5
        seqs.append(s)
        nums.append(s[k, 0])
    return seqs, nums


def forward(X, p):
    c = {'X': X}
    c['Q'] = X @ p['Wq']
    c['K'] = X @ p['Wk']
    c['V'] = X @ p['Wv']
    c['S'] = c['Q'] @ c['K'].T / np.sqrt(A)
    e = np.exp(c['S'] - c['S'].max(axis=-1, keepdims=True))
    c['P'] = e / e.sum(axis=-1, keepdims=True)
    c['O'] = c['P'] @ c['V']
    c['pool'] = c['O'].mean(axis=0)
    return c['pool'] @ p['wo'] + p['bo'], c


def backward(dy, p, c):
    g = {}
    g['bo'] = dy
    g['wo'] = dy * c['pool']
    dpool = dy * p['wo']
    dO = np.tile(dpool / L, (L, 1))
    dV = c['P'].T @ dO
    dP = dO @ c['V'].T
    dS = c['P'] * (dP - (dP * c['P']).sum(axis=-1, keepdims=True))
    dS = dS / np.sqrt(A)
    dQ = dS @ c['K']
    dK = dS.T @ c['Q']
    g['Wq'] = c['X'].T @ dQ
    g['Wk'] = c['X'].T @ dK
    g['Wv'] = c['X'].T @ dV
    return g


p = {
    'Wq': np.random.randn(D, A) * 0.7,
    'Wk': np.random.randn(D, A) * 0.7,
    'Wv': np.random.randn(D, A) * 0.7,
    'wo': np.random.randn(A) * 0.7,
    'bo': 0.1,
}
seqs, nums = make(20)
for epoch in range(60):
    sse = 0.
    for X, num in zip(seqs, nums):
        out, cache = forward(X, p)
        sse += (out - num) ** 2
        grads = backward(out - num, p, cache)
        for name in grads:
            p[name] = p[name] - 0.05 * grads[name]
    if epoch % 15 == 0:
        print(epoch, 'mse', sse / len(seqs))
print('mse', sse / len(seqs))
