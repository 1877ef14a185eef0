# XOR with -1/+1 coding.  Bias: x has a leading 1, and hidden unit 0 is simply set to 1.
import numpy as np

np.random.seed(13)

patterns = [
    (np.array([[1, -1, -1]]), -1),
    (np.array([[1, -1, +1]]), +1),
    (np.array([[1, +1, -1]]), +1),
    (np.array([[1, +1, +1]]), -1),
]

wh = np.random.normal(0, 1.0, (3, 4))
wo = np.random.normal(0, 1.0, (4, 1))
eta = 0.1


def run(x):
    h = np.tanh(x @ wh)
    h[0, 0] = 1.0
    return h, np.tanh(h @ wo)


n_updates = 0
while n_updates < 1500:
    x, target = patterns[np.random.randint(4)]
    h, o = run(x)

    e = target - o
    do = e * (1 - o ** 2)
    dh = do @ wo.T * (1 - h ** 2)

    wo += eta * h.T @ do
    wh += eta * x.T @ dh

    n_updates += 1
    if n_updates % 300 == 0:
        print(n_updates, "mean |e|", np.mean([abs(t - run(p)[1]) for p, t in patterns]))

for p, t in patterns:
    print(p[0, 1:], t, run(p)[1].item())
