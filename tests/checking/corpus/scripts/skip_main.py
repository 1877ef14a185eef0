"""regression with a skip connection around the second hidden layer, everything inside main"""
import numpy as np


def main():
    rng = np.random.default_rng(3)
    x = rng.uniform(-2, 2, (128, 3))
    t = np.sin(2 * x[:, [0]]) * x[:, [1]] + 0.5 * x[:, [2]]

    H = 16
    batch = 16
    lr = 0.003

    w1 = rng.normal(0, 0.6, (3, H))
    b1 = np.zeros(H)
    w2 = rng.normal(0, 0.25, (H, H))
    b2 = np.zeros(H)
    w3 = rng.normal(0, 0.25, (H, 1))
    b3 = np.zeros(1)

    for epoch in range(5):
        order = rng.permutation(len(x))
        total = 0.0
        for start in range(0, len(x), batch):
            pick = order[start:start + batch]
            xb = x[pick]
            tb = t[pick]

            z1 = xb @ w1 + b1
            h1 = np.maximum(z1, 0)
            z2 = h1 @ w2 + b2
            h2 = np.maximum(z2, 0) + h1
            out = h2 @ w3 + b3

            diff = out - tb
            total += np.mean(diff ** 2)

            g = 2 * diff / len(xb)
            gw3 = h2.T @ g
            gb3 = g.sum(0)
            gh2 = g @ w3.T
            gz2 = gh2 * (z2 > 0)
            gw2 = h1.T @ gz2
            gb2 = gz2.sum(0)
            gh1 = gz2 @ w2.T + gh2
            gz1 = gh1 * (z1 > 0)
            gw1 = xb.T @ gz1
            gb1 = gz1.sum(0)

            w1 = w1 - lr * gw1
            b1 = b1 - lr * gb1
            w2 = w2 - lr * gw2
            b2 = b2 - lr * gb2
            w3 = w3 - lr * gw3
            b3 = b3 - lr * gb3
        print(epoch + 1, "mse", total / (len(x) // batch))


if __name__ == "__main__":
    main()
