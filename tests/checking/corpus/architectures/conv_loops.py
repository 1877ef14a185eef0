# A convnet small enough to print. No im2col, no tricks: just loops.
# images are (batch, height, width, channels)
import numpy as np

rng = np.random.RandomState(7)


def conv_forward(x, K, b, stride):
    m, H, W, _ = x.shape
    f, C = K.shape[0], K.shape[3]
    Ho = (H - f) // stride + 1
    Wo = (W - f) // stride + 1
    z = np.zeros((m, Ho, Wo, C))
    for n in range(m):
        for i in range(Ho):
            for j in range(Wo):
                for c in range(C):
                    r, s = i * stride, j * stride
                    patch = x[n, r:r + f, s:s + f, :]
                    z[n, i, j, c] = np.sum(patch * K[:, :, :, c]) + b[c]
    return z


def conv_backward(dz, x, K, stride):
    m, Ho, Wo, C = dz.shape
    f = K.shape[0]
    dx = np.zeros(x.shape)
    dK = np.zeros(K.shape)
    db = np.zeros(C)
    for n in range(m):
        for i in range(Ho):
            for j in range(Wo):
                for c in range(C):
                    r, s = i * stride, j * stride
                    patch = x[n, r:r + f, s:s + f, :]
                    dx[n, r:r + f, s:s + f, :] += K[:, :, :, c] * dz[n, i, j, c]
                    dK[:, :, :, c] += patch * dz[n, i, j, c]
                    db[c] += dz[n, i, j, c]
    return dx, dK, db


def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# bars: horizontal, vertical, falling diagonal
images = 0.2 * rng.randn(6, 6, 6, 1)
labels = np.array([0, 1, 2, 0, 1, 2])
for n in range(6):
    p = rng.randint(1, 5)
    for q in range(6):
        if labels[n] == 0:
            images[n, p, q, 0] += 1
        elif labels[n] == 1:
            images[n, q, p, 0] += 1
        else:
            images[n, q, q, 0] += 1

K1 = 0.5 * rng.randn(3, 3, 1, 2)
b1 = 0.1 * rng.randn(2)
K2 = 0.5 * rng.randn(2, 2, 2, 2)
b2 = 0.1 * rng.randn(2)
W3 = 0.5 * rng.randn(8, 3)
b3 = np.zeros(3)
lr = 0.4

for it in range(30):
    # forward
    z1 = conv_forward(images, K1, b1, 1)      # 4x4x2
    a1 = np.tanh(z1)
    z2 = conv_forward(a1, K2, b2, 2)          # 2x2x2
    a2 = np.maximum(0, z2)
    flat = a2.reshape(6, -1)
    probs = softmax(flat @ W3 + b3)
    loss = -np.mean(np.log(probs[np.arange(6), labels]))
    if it % 10 == 0:
        print(it, loss)

    # backward
    dscores = probs.copy()
    dscores[np.arange(6), labels] -= 1
    dscores /= 6
    dW3 = flat.T @ dscores
    db3 = dscores.sum(axis=0)
    dflat = dscores @ W3.T
    da2 = dflat.reshape(a2.shape)
    dz2 = da2 * (z2 > 0)
    da1, dK2, db2 = conv_backward(dz2, a1, K2, 2)
    dz1 = da1 * (1 - a1 ** 2)
    _, dK1, db1 = conv_backward(dz1, images, K1, 1)

    # update
    K1 -= lr * dK1
    b1 -= lr * db1
    K2 -= lr * dK2
    b2 -= lr * db2
    W3 -= lr * dW3
    b3 -= lr * db3

print("predicted", probs.argmax(axis=1), "true", labels)
