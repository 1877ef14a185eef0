# Feedforward net with sigmoid neurons; examples are column vectors, the gradient of a
# mini-batch is collected in nabla_w / nabla_b before anything is changed.
import random
import numpy as np

random.seed(4)
np.random.seed(4)


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


SIZES = [4, 4, 4, 2]
biases = [0.3 * np.random.randn(r, 1) for r in SIZES[1:]]
weights = [np.random.randn(r, q) for q, r in zip(SIZES[:-1], SIZES[1:])]


def backprop(x, y):
    nb = [np.zeros(b.shape) for b in biases]
    nw = [np.zeros(w.shape) for w in weights]
    # feed forward, remember everything
    activation = x
    activations = [x]
    zs = []
    for b, w in zip(biases, weights):
        z = np.dot(w, activation) + b
        zs.append(z)
        activation = sigmoid(z)
        activations.append(activation)
    # go back
    delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
    nb[-1] = delta
    nw[-1] = np.dot(delta, activations[-2].transpose())
    for layer in range(2, len(SIZES)):
        sp = sigmoid_prime(zs[-layer])
        delta = np.dot(weights[-layer + 1].transpose(), delta) * sp
        nb[-layer] = delta
        nw[-layer] = np.dot(delta, activations[-layer - 1].transpose())
    return nb, nw


def update_mini_batch(mini_batch, eta):
    nabla_b = [np.zeros(b.shape) for b in biases]
    nabla_w = [np.zeros(w.shape) for w in weights]
    for x, y in mini_batch:
        delta_nabla_b, delta_nabla_w = backprop(x, y)
        for i in range(len(weights)):
            nabla_b[i] += delta_nabla_b[i]
            nabla_w[i] += delta_nabla_w[i]
    for i in range(len(weights)):
        weights[i] = weights[i] - (eta / len(mini_batch)) * nabla_w[i]
        biases[i] = biases[i] - (eta / len(mini_batch)) * nabla_b[i]


def cost(data):
    total = 0.0
    for x, y in data:
        a = x
        for b, w in zip(biases, weights):
            a = sigmoid(np.dot(w, a) + b)
        total += 0.5 * np.linalg.norm(a - y) ** 2
    return total / len(data)


training_data = []
for _ in range(24):
    v = np.random.rand(4, 1)
    training_data.append((v, np.array([[float(v[0, 0] > v[1, 0])], [float(v.sum() > 2)]])))

for epoch in range(60):
    random.shuffle(training_data)
    for k in range(0, len(training_data), 6):
        update_mini_batch(training_data[k:k + 6], 2.0)
    if epoch % 20 == 0:
        print("epoch", epoch, "cost", cost(training_data))
print("final cost", cost(training_data))
