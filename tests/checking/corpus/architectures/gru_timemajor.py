"""GRU, time-major batches (T, B, D). Task: mean of the values whose flag is set."""
import numpy as np

rng = np.random.default_rng(11)
T, B, D, H = 5, 16, 2, 6
LR = 0.25


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def batch():
    x = np.zeros((T, B, D))
    x[:, :, 0] = rng.uniform(-1, 1, (T, B))
    x[:, :, 1] = rng.random((T, B)) < 0.5
    x[0, :, 1] = 1
    y = (x[:, :, 0] * x[:, :, 1]).sum(0) / x[:, :, 1].sum(0)
    return x, y[:, None]


P = {}
for gate in ("z", "r", "h"):
    P["W" + gate] = rng.normal(0, 0.5, (D, H))
    P["U" + gate] = rng.normal(0, 0.5, (H, H))
    P["b" + gate] = rng.normal(0, 0.1, H)
P["V"] = rng.normal(0, 0.5, (H, 1))
P["c"] = np.zeros(1)


def forward(x):
    h = np.zeros((x.shape[1], H))
    tape = []
    for t in range(x.shape[0]):
        z = sigmoid(x[t] @ P["Wz"] + h @ P["Uz"] + P["bz"])
        r = sigmoid(x[t] @ P["Wr"] + h @ P["Ur"] + P["br"])
        rh = r * h
        cand = np.tanh(x[t] @ P["Wh"] + rh @ P["Uh"] + P["bh"])
        new = (1 - z) * h + z * cand
        tape.append((x[t], h, z, r, rh, cand))
        h = new
    return h, h @ P["V"] + P["c"], tape


def backward(err, h, tape):
    G = {k: np.zeros_like(v) for k, v in P.items()}
    G["V"] = h.T @ err
    G["c"] = err.sum(axis=0)
    dh = err @ P["V"].T
    for xt, hp, z, r, rh, cand in reversed(tape):
        dcand = dh * z
        dz = dh * (cand - hp)
        dhp = dh * (1 - z)

        dac = dcand * (1 - cand ** 2)
        G["Wh"] += xt.T @ dac
        G["Uh"] += rh.T @ dac
        G["bh"] += dac.sum(axis=0)
        drh = dac @ P["Uh"].T
        dr = drh * hp
        dhp += drh * r

        daz = dz * z * (1 - z)
        G["Wz"] += xt.T @ daz
        G["Uz"] += hp.T @ daz
        G["bz"] += daz.sum(axis=0)
        dhp += daz @ P["Uz"].T

        dar = dr * r * (1 - r)
        G["Wr"] += xt.T @ dar
        G["Ur"] += hp.T @ dar
        G["br"] += dar.sum(axis=0)
        dhp += dar @ P["Ur"].T

        dh = dhp
    return G


for it in range(400):
    x, y = batch()
    h, yhat, tape = forward(x)
    loss = 0.5 * np.sum((yhat - y) ** 2) / B
    G = backward((yhat - y) / B, h, tape)
    for k in P:
        P[k] -= LR * G[k]
    if it % 100 == 0:
        print(f"{it:4d} {loss:.5f}")
print(f" end {loss:.5f}")
