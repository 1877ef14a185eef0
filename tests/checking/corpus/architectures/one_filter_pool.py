"""One 3x3 filter, max pooling, one sigmoid neuron: is there a cross in the picture?"""
import numpy as np

np.random.seed(21)

CROSS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
RING = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])

pictures = []
answers = []
for n in range(12):
    pic = np.random.uniform(-0.2, 0.2, (6, 6))
    top, left = np.random.randint(0, 4, 2)
    if n % 2:
        pic[top:top + 3, left:left + 3] += CROSS
    else:
        pic[top:top + 3, left:left + 3] += RING
    pictures.append(pic)
    answers.append(n % 2)

filt = np.random.normal(0, 0.5, (3, 3))
filt_bias = 0.1
w = np.random.normal(0, 0.5, 4)
b = 0.0
rate = 0.3


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


for epoch in range(40):
    total = 0
    for pic, answer in zip(pictures, answers):
        # convolve: 6x6 -> 4x4
        conv = np.empty((4, 4))
        for i in range(4):
            for j in range(4):
                conv[i, j] = (pic[i:i + 3, j:j + 3] * filt).sum() + filt_bias
        act = np.tanh(conv)

        # 2x2 max pooling: 4x4 -> 2x2, remember where each maximum was
        pooled = np.empty((2, 2))
        where = {}
        for i in range(2):
            for j in range(2):
                window = act[2 * i:2 * i + 2, 2 * j:2 * j + 2]
                k = window.argmax()
                where[i, j] = (2 * i + k // 2, 2 * j + k % 2)
                pooled[i, j] = window.max()

        out = sigmoid(pooled.ravel() @ w + b)
        total -= answer * np.log(out) + (1 - answer) * np.log(1 - out)

        # go back
        d_sum = out - answer
        d_w = d_sum * pooled.ravel()
        d_b = d_sum
        d_pooled = (d_sum * w).reshape(2, 2)
        d_act = np.zeros((4, 4))
        for i in range(2):
            for j in range(2):
                d_act[where[i, j]] = d_pooled[i, j]
        d_conv = d_act * (1 - act * act)
        d_filt = np.zeros((3, 3))
        d_filt_bias = 0.0
        for i in range(4):
            for j in range(4):
                d_filt += d_conv[i, j] * pic[i:i + 3, j:j + 3]
                d_filt_bias += d_conv[i, j]

        filt -= rate * d_filt
        filt_bias -= rate * d_filt_bias
        w -= rate * d_w
        b -= rate * d_b
    if epoch % 10 == 0:
        print("epoch", epoch, "cross-entropy", total / len(pictures))

print(np.round(filt, 2))
