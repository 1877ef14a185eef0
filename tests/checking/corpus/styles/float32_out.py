#!/usr/bin/env python3
# Single precision, preallocated buffers, nothing is allocated inside the loop.
import numpy as np

F = np.float32
B, NI, NH, NO = 6, 5, 6, 2

rs = np.random.RandomState(78)
Wa = rs.normal(0.0, 0.5, (NI, NH)).astype(F)
ba = np.full(NH, 0.1, F)
Wb = rs.normal(0.0, 0.5, (NH, NO)).astype(F)
bb = np.zeros(NO, F)

# buffers
z = np.empty((B, NH), F)
h = np.empty((B, NH), F)
o = np.empty((B, NO), F)
d_o = np.empty((B, NO), F)
d_h = np.empty((B, NH), F)
mask = np.empty((B, NH), bool)
g_Wa = np.empty_like(Wa)
g_ba = np.empty_like(ba)
g_Wb = np.empty_like(Wb)
g_bb = np.empty_like(bb)


def fwd(x):
    np.dot(x, Wa, out=z)
    np.add(z, ba, out=z)
    np.maximum(z, 0, out=h)
    np.dot(h, Wb, out=o)
    np.add(o, bb, out=o)


def bwd(x, t):
    np.subtract(o, t, out=d_o)
    np.multiply(d_o, F(1) / F(B), out=d_o)
    np.dot(h.T, d_o, out=g_Wb)
    np.sum(d_o, axis=0, out=g_bb)
    np.dot(d_o, Wb.T, out=d_h)
    np.greater(z, 0, out=mask)
    np.multiply(d_h, mask, out=d_h)
    np.dot(x.T, d_h, out=g_Wa)
    np.sum(d_h, axis=0, out=g_ba)


def upd(lr):
    for w, g in ((Wa, g_Wa), (ba, g_ba), (Wb, g_Wb), (bb, g_bb)):
        np.multiply(g, F(lr), out=g)
        np.subtract(w, g, out=w)


data = rs.uniform(-1, 1, (48, NI)).astype(F)
goal = np.stack([np.abs(data[:, 0]) + data[:, 1], data[:, 2] - data[:, 3] * data[:, 4]], axis=1).astype(F)

for ep in range(24):
    acc = 0.0
    for s in range(0, 48, B):
        fwd(data[s:s + B])
        bwd(data[s:s + B], goal[s:s + B])
        acc += float(np.sum(np.square(o - goal[s:s + B]))) / 2
        upd(0.05)
    if ep % 6 == 5:
        print('%02d %.6f' % (ep + 1, acc / 48))
