"""
CBOW: guess the middle word from the mean of the embeddings of its neighbours.
Full softmax over the (tiny) vocabulary, plain batch gradient descent.
"""
import numpy as np

TEXT = ("we are about to study the idea of a process . people create programs to direct "
        "processes . a process moves data . the programs direct the process . we study the data").split()


def build(text, window=2):
    vocab = []
    for word in text:
        if word not in vocab:
            vocab.append(word)
    ids = [vocab.index(word) for word in text]
    contexts, centers = [], []
    for i in range(window, len(ids) - window):
        contexts.append(ids[i - window:i] + ids[i + 1:i + window + 1])
        centers.append(ids[i])
    return vocab, np.array(contexts), np.array(centers)


def softmax(a):
    a = a - a.max(axis=1, keepdims=True)
    a = np.exp(a)
    return a / a.sum(axis=1, keepdims=True)


vocab, contexts, centers = build(TEXT)
V, dim = len(vocab), 8
n, C = contexts.shape
rs = np.random.RandomState(42)
emb = rs.randn(V, dim) * 0.5
W = rs.randn(dim, V) * 0.3
b = np.zeros(V)
lr = 1.0

losses = []
for epoch in range(150):
    h = emb[contexts].mean(axis=1)
    p = softmax(h.dot(W) + b)
    losses.append(-np.log(p[np.arange(n), centers]).mean())

    p[np.arange(n), centers] -= 1
    d = p / n
    gW = h.T.dot(d)
    gb = d.sum(axis=0)
    gh = d.dot(W.T)
    gemb = np.zeros_like(emb)
    for c in range(C):
        # a word may come several times: add.at, not gemb[...] +=
        np.add.at(gemb, contexts[:, c], gh / C)

    emb = emb - lr * gemb
    W = W - lr * gW
    b = b - lr * gb

print("first loss %.3f, last loss %.3f" % (losses[0], losses[-1]))
