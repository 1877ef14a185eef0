import numpy as np
np.random.seed(15)

def sig(z):
    return 1.0 / (1.0 + np.exp(-z))

def dsig(a):
    # saves memory: overwrites a!
    a *= 1 - a
    return a

def col(v):
    v = np.array(v, float)
    v.shape = (v.size, 1)
    return v

N_IN, N_H1, N_H2, N_OUT = 2, 3, 3, 2
W1 = np.random.normal(size=(N_H1, N_IN))
W2 = np.random.normal(size=(N_H2, N_H1))
W3 = np.random.normal(size=(N_OUT, N_H2))
B1 = np.zeros((N_H1, 1))
B2 = np.zeros((N_H2, 1))
B3 = np.zeros((N_OUT, 1))

samples = [([0.0, 0.2], [1, 0]), ([0.9, 0.1], [0, 1]), ([0.2, 0.8], [0, 1]), ([0.8, 0.9], [1, 0]), ([0.5, 0.4], [1, 0])]

for sweep in range(500):
    G1 = np.zeros(W1.shape); G2 = np.zeros(W2.shape); G3 = np.zeros(W3.shape)
    g1 = np.zeros(B1.shape); g2 = np.zeros(B2.shape); g3 = np.zeros(B3.shape)
    E = 0

    for x, t in samples:
        x = col(x); t = col(t)
        a1 = sig(np.dot(W1, x) + B1)
        a2 = sig(np.dot(W2, a1) + B2)
        a3 = sig(np.dot(W3, a2) + B3)
        E += 0.5 * float(np.sum((a3 - t) ** 2))

        e3 = a3 - t
        d3 = e3 * dsig(a3)
        G3 += np.dot(d3, a2.T)      # before a2 is overwritten
        g3 += d3
        e2 = np.dot(W3.T, d3)
        d2 = e2 * dsig(a2)
        G2 += np.dot(d2, a1.T)
        g2 += d2
        e1 = np.dot(W2.T, d2)
        d1 = e1 * dsig(a1)
        G1 += np.dot(d1, x.T)
        g1 += d1

    for P, G in ((W1, G1), (W2, G2), (W3, G3), (B1, g1), (B2, g2), (B3, g3)):
        P -= 1.5 * G
    if sweep % 100 == 99:
        print("sweep %d E %.5f" % (sweep + 1, E))
