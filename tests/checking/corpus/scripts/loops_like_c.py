import numpy as np

NIN = 3
NHID = 3
NOUT = 3
NPAT = 8
RATE = 0.5

np.random.seed(99)

# patterns: binary numbers 0..7, targets: majority, first xor last bit, "at least 3"
pat = np.zeros((NPAT, NIN))
tgt = np.zeros((NPAT, NOUT))
for p in range(NPAT):
    for i in range(NIN):
        pat[p, i] = (p >> i) & 1
    tgt[p, 0] = 1 if pat[p].sum() >= 2 else 0
    tgt[p, 1] = int(pat[p, 0]) ^ int(pat[p, 2])
    tgt[p, 2] = 1 if p >= 3 else 0

wih = np.random.uniform(-1, 1, (NHID, NIN))
bh = np.random.uniform(-1, 1, NHID)
who = np.random.uniform(-1, 1, (NOUT, NHID))
bo = np.random.uniform(-1, 1, NOUT)

hid = np.zeros(NHID)
out = np.zeros(NOUT)
dout = np.zeros(NOUT)
dhid = np.zeros(NHID)

for cycle in range(600):
    sse = 0.0
    for p in range(NPAT):
        # forward pass
        for h in range(NHID):
            s = bh[h]
            for i in range(NIN):
                s += wih[h, i] * pat[p, i]
            hid[h] = np.tanh(s)
        for o in range(NOUT):
            s = bo[o]
            for h in range(NHID):
                s += who[o, h] * hid[h]
            out[o] = 1.0 / (1.0 + np.exp(-s))
            sse += (tgt[p, o] - out[o]) ** 2

        # backward pass
        for o in range(NOUT):
            dout[o] = (tgt[p, o] - out[o]) * out[o] * (1.0 - out[o])
        for h in range(NHID):
            s = 0.0
            for o in range(NOUT):
                s += dout[o] * who[o, h]
            dhid[h] = s * (1.0 - hid[h] * hid[h])

        # weights
        for o in range(NOUT):
            for h in range(NHID):
                who[o, h] += RATE * dout[o] * hid[h]
            bo[o] += RATE * dout[o]
        for h in range(NHID):
            for i in range(NIN):
                wih[h, i] += RATE * dhid[h] * pat[p, i]
            bh[h] += RATE * dhid[h]
    if cycle % 200 == 0:
        print("cycle %5d  sse %.5f" % (cycle, sse))
print("cycle %5d  sse %.5f" % (cycle, sse))
