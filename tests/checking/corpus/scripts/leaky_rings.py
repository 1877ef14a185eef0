import numpy as np

SLOPE = 0.1
LR = 0.05


def lrelu(z):
    return np.where(z > 0, z, SLOPE * z)


def lrelu_grad(z):
    g = np.ones_like(z)
    g[z <= 0] = SLOPE
    return g


def rings(n):
    phi = np.random.rand(n) * 2 * np.pi
    inner = np.arange(n) % 2 == 0
    r = np.where(inner, 0.5, 1.4) + 0.1 * np.random.randn(n)
    pts = np.vstack([r * np.cos(phi), r * np.sin(phi)]).T
    return pts, inner.astype(float).reshape(n, 1)


np.random.seed(17)
W1 = np.random.randn(2, 6)
B1 = np.zeros(6)
W2 = np.random.randn(6, 6) * 0.5
B2 = np.zeros(6)
W3 = np.random.randn(6, 1) * 0.5
B3 = np.zeros(1)


def train_step(x, y):
    global W1, B1, W2, B2, W3, B3
    n = len(x)

    z1 = np.dot(x, W1) + B1
    a1 = lrelu(z1)
    z2 = np.dot(a1, W2) + B2
    a2 = lrelu(z2)
    z3 = np.dot(a2, W3) + B3
    yhat = 1 / (1 + np.exp(-z3))

    bce = -np.mean(y * np.log(yhat) + (1 - y) * np.log(1 - yhat))

    d_yhat = (yhat - y) / (yhat * (1 - yhat)) / n
    d_z3 = d_yhat * yhat * (1 - yhat)
    d_W3 = np.dot(a2.T, d_z3)
    d_B3 = np.sum(d_z3, axis=0)

    d_a2 = np.dot(d_z3, W3.T)
    d_z2 = d_a2 * lrelu_grad(z2)
    d_W2 = np.dot(a1.T, d_z2)
    d_B2 = np.sum(d_z2, axis=0)

    d_a1 = np.dot(d_z2, W2.T)
    d_z1 = d_a1 * lrelu_grad(z1)
    d_W1 = np.dot(x.T, d_z1)
    d_B1 = np.sum(d_z1, axis=0)

    W1 = W1 - LR * d_W1
    B1 = B1 - LR * d_B1
    W2 = W2 - LR * d_W2
    B2 = B2 - LR * d_B2
    W3 = W3 - LR * d_W3
    B3 = B3 - LR * d_B3
    return bce


X, Y = rings(50)
for k in range(70):
    c = train_step(X, Y)
    if k % 10 == 0:
        print(k, c)
print("final", c)
