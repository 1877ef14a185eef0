# word2vec, skip-gram with negative sampling
import random
import numpy as np

random.seed(3)
np.random.seed(3)

sentences = """king rules land . queen rules land . dog chases cat . cat chases mouse .
king loves queen . dog loves bone . mouse eats cheese . cat eats mouse""".replace("\n", " ").split(" . ")
corpus = [s.split() for s in sentences]
vocab = sorted({w for s in corpus for w in s})
index = {w: i for i, w in enumerate(vocab)}
counts = np.zeros(len(vocab))
for s in corpus:
    for w in s:
        counts[index[w]] += 1
noise = counts ** 0.75
noise /= noise.sum()

DIM = 6
NEG = 3
alpha = 0.15
W_in = (np.random.rand(len(vocab), DIM) - 0.5)
W_out = (np.random.rand(len(vocab), DIM) - 0.5)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


pairs = []
for s in corpus:
    for i, w in enumerate(s):
        for j in range(max(0, i - 1), min(len(s), i + 2)):
            if i != j:
                pairs.append((index[w], index[s[j]]))

for epoch in range(12):
    random.shuffle(pairs)
    loss = 0.0
    for center, context in pairs:
        negatives = []
        while len(negatives) < NEG:
            k = np.random.choice(len(vocab), p=noise)
            if k != context and k not in negatives:
                negatives.append(int(k))
        v = W_in[center].copy()
        grad_v = np.zeros(DIM)

        # the true word
        u = W_out[context].copy()
        s = sigmoid(np.dot(u, v))
        loss -= np.log(s)
        g = s - 1.0
        grad_v += g * u
        W_out[context] -= alpha * g * v

        # the sampled words
        for k in negatives:
            u = W_out[k].copy()
            s_neg = sigmoid(-np.dot(u, v))
            loss -= np.log(s_neg)
            g_neg = 1.0 - s_neg
            grad_v += g_neg * u
            W_out[k] -= alpha * g_neg * v

        W_in[center] -= alpha * grad_v
    if epoch % 4 == 0:
        print(epoch, loss / len(pairs))

print("loss", loss / len(pairs))
