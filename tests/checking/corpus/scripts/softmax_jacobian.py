import numpy as np

# Three classes, softmax at the end, but squared error instead of cross entropy:
# so the whole Jacobian of the softmax is needed.

prng = np.random.RandomState(6)
means = np.array([[1.0, 1.0], [-1.0, 0.5], [0.2, -1.2]])
xs = []
ts = []
for i in range(24):
    cls = i % 3
    xs.append(means[cls] + 0.4 * prng.randn(2))
    ts.append(np.eye(3)[cls])

w1 = prng.randn(3, 2)
b1 = np.full(3, 0.1)
w2 = prng.randn(3, 3)
b2 = np.zeros(3)
rate = 0.2


def relu(v):
    return v * (v > 0)


def softmax(v):
    e = np.exp(v - v.max())
    return e / e.sum()


def gradients(x, t):
    u = w1 @ x + b1
    h = relu(u)
    s = softmax(w2 @ h + b2)
    J = np.diag(s) - np.outer(s, s)
    ds = s - t
    dv = J @ ds
    gw2 = np.outer(dv, h)
    gb2 = dv
    dh = w2.T @ dv
    du = np.where(u > 0, dh, 0)
    gw1 = np.outer(du, x)
    gb1 = du
    return gw1, gb1, gw2, gb2, 0.5 * ds @ ds


for epoch in range(60):
    sw1 = np.zeros_like(w1)
    sb1 = np.zeros_like(b1)
    sw2 = np.zeros_like(w2)
    sb2 = np.zeros_like(b2)
    total = 0
    for x, t in zip(xs, ts):
        gw1, gb1, gw2, gb2, e = gradients(x, t)
        sw1 += gw1
        sb1 += gb1
        sw2 += gw2
        sb2 += gb2
        total += e
    w1 -= rate * sw1
    b1 -= rate * sb1
    w2 -= rate * sw2
    b2 -= rate * sb2
    if epoch % 20 == 0:
        print(epoch, total)
print(epoch, total)
