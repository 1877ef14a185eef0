import numpy as np

# three spiral arms, N points each
np.random.seed(0)
N = 12
K = 3
X = np.zeros((N*K, 2))
y = np.zeros(N*K, dtype='uint8')
for j in range(K):
    ix = range(N*j, N*(j+1))
    r = np.linspace(0.1, 1, N)
    t = np.linspace(j*2, j*2 + 2.5, N) + np.random.randn(N)*0.1
    X[ix] = np.c_[r*np.sin(t), r*np.cos(t)]
    y[ix] = j

h = 20      # hidden units
W = 0.5 * np.random.randn(2, h)
b = 0.1 * np.random.randn(1, h)
W2 = 0.3 * np.random.randn(h, K)
b2 = np.zeros((1, K))
reg = 1e-3
step_size = 0.8

for i in range(400):
    hidden_layer = np.maximum(0, np.dot(X, W) + b)
    scores = np.dot(hidden_layer, W2) + b2
    exp_scores = np.exp(scores)
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    data_loss = np.mean(-np.log(probs[range(N*K), y]))
    reg_loss = 0.5*reg*np.sum(W*W) + 0.5*reg*np.sum(W2*W2)
    if i % 100 == 0:
        print('iteration', i, 'loss', data_loss + reg_loss)

    dscores = probs
    dscores[range(N*K), y] -= 1
    dscores /= N*K
    dW2 = np.dot(hidden_layer.T, dscores)
    db2 = np.sum(dscores, axis=0, keepdims=True)
    dhidden = np.dot(dscores, W2.T)
    dhidden[hidden_layer <= 0] = 0
    dW = np.dot(X.T, dhidden)
    db = np.sum(dhidden, axis=0, keepdims=True)
    # weight decay
    dW2 += reg * W2
    dW += reg * W

    W += -step_size * dW
    b += -step_size * db
    W2 += -step_size * dW2
    b2 += -step_size * db2

hidden_layer = np.maximum(0, np.dot(X, W) + b)
guess = np.argmax(np.dot(hidden_layer, W2) + b2, axis=1)
print('accuracy', np.mean(guess == y))
