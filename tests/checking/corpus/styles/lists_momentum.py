"""Neural net, one hidden layer, nothing but the standard library.
Learns XOR, AND and OR at once.    usage: python lists_momentum.py
"""
import math
import random

random.seed(12)


def zeros(rows, cols):
    return [[0.0]*cols for r in range(rows)]


def rnd(rows, cols, span):
    return [[random.uniform(-span, span) for c in range(cols)] for r in range(rows)]


class Net:
    def __init__(self, nin, nhid, nout):
        self.nin = nin + 1        # one more: the bias node
        self.nhid = nhid
        self.nout = nout
        self.x = [1.0]*self.nin
        self.h = [1.0]*nhid
        self.o = [1.0]*nout
        self.wi = rnd(self.nin, nhid, 0.9)
        self.wo = rnd(nhid, nout, 0.9)
        # last change of every weight, for momentum
        self.ci = zeros(self.nin, nhid)
        self.co = zeros(nhid, nout)

    def run(self, inputs):
        if len(inputs) != self.nin - 1:
            raise ValueError('wrong number of inputs')
        for i in range(self.nin - 1):
            self.x[i] = inputs[i]
        for j in range(self.nhid):
            total = 0.0
            for i in range(self.nin):
                total += self.x[i]*self.wi[i][j]
            self.h[j] = math.tanh(total)
        for k in range(self.nout):
            total = 0.0
            for j in range(self.nhid):
                total += self.h[j]*self.wo[j][k]
            self.o[k] = math.tanh(total)
        return self.o[:]

    def back(self, targets, rate, M):
        dout = [0.0]*self.nout
        for k in range(self.nout):
            err = targets[k] - self.o[k]
            dout[k] = (1.0 - self.o[k]**2) * err

        dhid = [0.0]*self.nhid
        for j in range(self.nhid):
            blame = 0.0
            for k in range(self.nout):
                blame += dout[k]*self.wo[j][k]
            dhid[j] = (1.0 - self.h[j]**2) * blame

        for j in range(self.nhid):
            for k in range(self.nout):
                change = rate*dout[k]*self.h[j] + M*self.co[j][k]
                self.wo[j][k] += change
                self.co[j][k] = change

        for i in range(self.nin):
            for j in range(self.nhid):
                change = rate*dhid[j]*self.x[i] + M*self.ci[i][j]
                self.wi[i][j] += change
                self.ci[i][j] = change

        error = 0.0
        for k in range(self.nout):
            error += 0.5*(targets[k] - self.o[k])**2
        return error


def demo():
    # x1 x2 -> xor and or
    pat = [
        [[0, 0], [0, 0, 0]],
        [[0, 1], [1, 0, 1]],
        [[1, 0], [1, 0, 1]],
        [[1, 1], [0, 1, 1]],
    ]
    n = Net(2, 3, 3)
    for it in range(400):
        error = 0.0
        for p in pat:
            n.run(p[0])
            error += n.back(p[1], 0.2, 0.5)
        if it % 100 == 99:
            print('error %-.5f' % error)
    for p in pat:
        print(p[0], '->', ['%.2f' % v for v in n.run(p[0])])


if __name__ == '__main__':
    demo()
