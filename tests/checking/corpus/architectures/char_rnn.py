# character-level RNN in plain numpy
import numpy as np

text = "the cat sat on the mat and the rat sat on the hat "
chars = sorted(set(text))
V = len(chars)
ch2ix = {c: i for i, c in enumerate(chars)}
ix2ch = {i: c for i, c in enumerate(chars)}

np.random.seed(4)
H = 12
seq = 7
eta = 0.1

Wxh = np.random.randn(H, V) * 0.3   # input to hidden
Whh = np.random.randn(H, H) * 0.3   # hidden to hidden
Why = np.random.randn(V, H) * 0.3   # hidden to output
bh = np.zeros((H, 1))
by = np.zeros((V, 1))


def loss_and_grads(inputs, targets, hprev):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(hprev)
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((V, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t-1]) + bh)
        ys[t] = np.dot(Why, hs[t]) + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        draw = (1 - hs[t] * hs[t]) * dh
        dbh += draw
        dWxh += np.dot(draw, xs[t].T)
        dWhh += np.dot(draw, hs[t-1].T)
        dhnext = np.dot(Whh.T, draw)
    for g in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(g, -5, 5, out=g)
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs)-1]


def sample(h, ix, n):
    out = []
    for _ in range(n):
        x = np.zeros((V, 1))
        x[ix] = 1
        h = np.tanh(np.dot(Wxh, x) + np.dot(Whh, h) + bh)
        y = np.dot(Why, h) + by
        ix = int(np.argmax(y))
        out.append(ix2ch[ix])
    return ''.join(out)


mWxh, mWhh, mWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
mbh, mby = np.zeros_like(bh), np.zeros_like(by)
smooth = -np.log(1.0 / V) * seq
p = 0
for n in range(300):
    if p + seq + 1 >= len(text) or n == 0:
        hprev = np.zeros((H, 1))
        p = 0
    inputs = [ch2ix[c] for c in text[p:p+seq]]
    targets = [ch2ix[c] for c in text[p+1:p+seq+1]]
    loss, dWxh, dWhh, dWhy, dbh, dby, hprev = loss_and_grads(inputs, targets, hprev)
    smooth = 0.95 * smooth + 0.05 * loss
    if n % 100 == 0:
        print(n, smooth)
    for param, dparam, mem in zip([Wxh, Whh, Why, bh, by],
                                  [dWxh, dWhh, dWhy, dbh, dby],
                                  [mWxh, mWhh, mWhy, mbh, mby]):
        mem += dparam * dparam
        param += -eta * dparam / np.sqrt(mem + 1e-8)
    p += seq
print(smooth, repr(sample(np.zeros((H, 1)), ch2ix['t'], 30)))
