import numpy as np
np.random.seed(1)

# a recurrent net that learns to add two binary numbers, bit by bit

def sig(x):
    return 1/(1+np.exp(-x))

def sig_slope(out):
    return out*(1-out)

BITS = 5
LIMIT = 2**BITS
table = {}
for n in range(LIMIT):
    table[n] = np.array([int(c) for c in format(n, '05b')])

step = 0.8
n_in, n_hid, n_out = 2, 8, 1
syn_in = 2*np.random.random((n_in, n_hid)) - 1
syn_out = 2*np.random.random((n_hid, n_out)) - 1
syn_rec = 2*np.random.random((n_hid, n_hid)) - 1

syn_in_update = np.zeros_like(syn_in)
syn_out_update = np.zeros_like(syn_out)
syn_rec_update = np.zeros_like(syn_rec)

average = 2.5
for j in range(2500):
    first = np.random.randint(LIMIT//2)
    second = np.random.randint(LIMIT//2)
    a, b, c = table[first], table[second], table[first+second]
    d = np.zeros_like(c)
    total = 0

    layer_2_deltas = list()
    layer_1_values = list()
    layer_1_values.append(np.zeros(n_hid))

    # from the lowest bit to the highest
    for pos in range(BITS):
        X = np.array([[a[BITS-pos-1], b[BITS-pos-1]]])
        y = np.array([[c[BITS-pos-1]]]).T
        layer_1 = sig(np.dot(X, syn_in) + np.dot(layer_1_values[-1], syn_rec))
        layer_2 = sig(np.dot(layer_1, syn_out))
        layer_2_error = y - layer_2
        layer_2_deltas.append(layer_2_error * sig_slope(layer_2))
        total += np.abs(layer_2_error[0, 0])
        d[BITS-pos-1] = np.round(layer_2[0, 0])
        layer_1_values.append(layer_1.copy())

    future_delta = np.zeros(n_hid)
    for pos in range(BITS):
        X = np.array([[a[pos], b[pos]]])
        layer_1 = layer_1_values[-pos-1]
        before = layer_1_values[-pos-2]
        layer_2_delta = layer_2_deltas[-pos-1]
        layer_1_delta = (future_delta.dot(syn_rec.T) + layer_2_delta.dot(syn_out.T)) * sig_slope(layer_1)
        syn_out_update += np.atleast_2d(layer_1).T.dot(layer_2_delta)
        syn_rec_update += np.atleast_2d(before).T.dot(layer_1_delta)
        syn_in_update += X.T.dot(layer_1_delta)
        future_delta = layer_1_delta

    syn_in += syn_in_update * step
    syn_out += syn_out_update * step
    syn_rec += syn_rec_update * step
    syn_in_update *= 0
    syn_out_update *= 0
    syn_rec_update *= 0

    average = 0.98*average + 0.02*total
    if j % 500 == 0:
        print("Error:", average, "  ", first, "+", second, "=", int("".join(str(k) for k in d), 2))
print("Error:", average)
