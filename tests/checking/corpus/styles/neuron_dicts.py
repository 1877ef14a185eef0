# Homework 3: neural network from scratch. Neurons are dictionaries; the last entry of 'w' is the bias.
from math import tanh
from random import seed, random


def init_network(n_inputs, n_hidden, n_outputs):
    net = list()
    for a, b in ((n_inputs, n_hidden), (n_hidden, n_hidden), (n_hidden, n_outputs)):
        net.append([{'w': [random() * 1.6 - 0.8 for _ in range(a + 1)]} for _ in range(b)])
    return net


def act(z):
    return 0.5 * (1.0 + tanh(z / 2.0))      # the sigmoid; exp(-z) overflows


def act_prime(out):
    return out * (1.0 - out)


def forward(net, row):
    values = row
    for layer in net:
        new_values = []
        for neuron in layer:
            z = neuron['w'][-1]
            for i in range(len(neuron['w']) - 1):
                z += neuron['w'][i] * values[i]
            neuron['net'] = z
            neuron['out'] = act(z)
            new_values.append(neuron['out'])
        values = new_values
    return values


def backward(net, wanted):
    for i in reversed(range(len(net))):
        layer = net[i]
        if i == len(net) - 1:
            for j, neuron in enumerate(layer):
                neuron['delta'] = (wanted[j] - neuron['out']) * act_prime(neuron['out'])
        else:
            for j, neuron in enumerate(layer):
                back = 0.0
                for upper in net[i + 1]:
                    back += upper['w'][j] * upper['delta']
                neuron['delta'] = back * act_prime(neuron['out'])


def update(net, row, rate):
    for i in range(len(net)):
        inputs = row
        if i != 0:
            inputs = [neuron['out'] for neuron in net[i - 1]]
        for neuron in net[i]:
            for j in range(len(inputs)):
                neuron['w'][j] += rate * neuron['delta'] * inputs[j]
            neuron['w'][-1] += rate * neuron['delta']


def train(net, rows, rate, n_epoch):
    for epoch in range(n_epoch):
        sum_error = 0
        for row in rows:
            features, label = row[:-1], row[-1]
            outputs = forward(net, features)
            expected = [0, 0]
            expected[label] = 1
            sum_error += sum([(expected[k] - outputs[k]) ** 2 for k in range(2)])
            backward(net, expected)
            update(net, features, rate)
        if epoch % 60 == 0:
            print('>epoch=%d, lrate=%.3f, error=%.4f' % (epoch, rate, sum_error))


seed(5)
dataset = [
    [0.3, 0.7, 0], [0.1, 0.5, 0], [0.4, 0.9, 0], [0.2, 1.0, 0], [0.5, 0.7, 0],
    [0.9, 0.3, 1], [0.7, 0.0, 1], [1.0, 0.4, 1], [0.8, 0.3, 1], [0.9, 0.1, 1],
]
network = init_network(2, 2, 2)
train(network, dataset, 0.4, 241)
right = 0
for row in dataset:
    p = forward(network, row[:-1])
    right += p.index(max(p)) == row[-1]
print('accuracy', right / len(dataset))
