import numpy as np
np.random.seed(11)

# ---- data: 4 clouds, nothing fancy
K = 4
N = 160
centers = np.array([[2., 0., 1.], [-2., 0., -1.], [0., 2., -1.], [0., -2., 1.]])
y = np.random.randint(0, K, N)
X = centers[y] + 0.9 * np.random.randn(N, 3)

# ---- net 3 -> 8 -> 8 -> 4
h = 8
W1 = 0.5 * np.random.randn(3, h)
b1 = np.zeros((1, h))
W2 = 0.5 * np.random.randn(h, h)
b2 = np.zeros((1, h))
W3 = 0.5 * np.random.randn(h, K)
b3 = np.zeros((1, K))

step_size = 0.05
reg = 1e-3
n = 32

for i in range(40):
    sel = np.random.choice(N, n, replace=False)
    Xb = X[sel]
    yb = y[sel]

    hid1 = np.tanh(Xb.dot(W1) + b1)
    hid2 = np.maximum(0, hid1.dot(W2) + b2)      # ReLU
    scores = hid2.dot(W3) + b3

    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores)
    probs /= probs.sum(axis=1, keepdims=True)

    data_loss = -np.log(probs[range(n), yb]).mean()
    reg_loss = 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2) + np.sum(W3 * W3))
    loss = data_loss + reg_loss
    if i % 10 == 0:
        print("iteration %d: loss %f" % (i, loss))

    dscores = probs
    dscores[range(n), yb] -= 1
    dscores /= n

    dW3 = hid2.T.dot(dscores)
    db3 = np.sum(dscores, axis=0, keepdims=True)
    dhid2 = dscores.dot(W3.T)
    dhid2[hid2 <= 0] = 0
    dW2 = hid1.T.dot(dhid2)
    db2 = np.sum(dhid2, axis=0, keepdims=True)
    dhid1 = dhid2.dot(W2.T)
    dhid1 = dhid1 * (1 - hid1 ** 2)
    dW1 = Xb.T.dot(dhid1)
    db1 = np.sum(dhid1, axis=0, keepdims=True)

    dW3 += reg * W3
    dW2 += reg * W2
    dW1 += reg * W1

    W1 = W1 - step_size * dW1
    b1 = b1 - step_size * db1
    W2 = W2 - step_size * dW2
    b2 = b2 - step_size * db2
    W3 = W3 - step_size * dW3
    b3 = b3 - step_size * db3

guess = np.argmax(np.maximum(0, np.tanh(Xb.dot(W1) + b1).dot(W2) + b2).dot(W3) + b3, axis=1)
print("accuracy on the last batch:", np.mean(guess == yb))
