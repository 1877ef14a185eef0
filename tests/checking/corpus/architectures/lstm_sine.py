import numpy as np

class LSTM:
    def __init__(self, nin, nh):
        n = nin + nh
        s = 0.4
        self.nh = nh
        self.Wf = np.random.randn(nh, n) * s
        self.Wi = np.random.randn(nh, n) * s
        self.Wg = np.random.randn(nh, n) * s
        self.Wo = np.random.randn(nh, n) * s
        self.bf = np.ones(nh)
        self.bi = np.zeros(nh)
        self.bg = np.zeros(nh)
        self.bo = np.zeros(nh)
        self.Wy = np.random.randn(1, nh) * s
        self.by = np.zeros(1)

    def sigmoid(self, v):
        return 1 / (1 + np.exp(-v))

    def forward(self, xs):
        self.cache = []
        self.h = [np.zeros(self.nh)]
        self.c = [np.zeros(self.nh)]
        out = []
        for x in xs:
            v = np.concatenate([[x], self.h[-1]])
            f = self.sigmoid(self.Wf.dot(v) + self.bf)
            i = self.sigmoid(self.Wi.dot(v) + self.bi)
            g = np.tanh(self.Wg.dot(v) + self.bg)
            o = self.sigmoid(self.Wo.dot(v) + self.bo)
            c = f * self.c[-1] + i * g
            tc = np.tanh(c)
            h = o * tc
            self.cache.append((v, f, i, g, o, tc))
            self.c.append(c)
            self.h.append(h)
            out.append(self.Wy.dot(h) + self.by)
        return np.array(out)[:, 0]

    def backward(self, dys):
        T = len(dys)
        self.dWf = np.zeros_like(self.Wf); self.dbf = np.zeros_like(self.bf)
        self.dWi = np.zeros_like(self.Wi); self.dbi = np.zeros_like(self.bi)
        self.dWg = np.zeros_like(self.Wg); self.dbg = np.zeros_like(self.bg)
        self.dWo = np.zeros_like(self.Wo); self.dbo = np.zeros_like(self.bo)
        self.dWy = np.zeros_like(self.Wy); self.dby = np.zeros_like(self.by)
        dh_next = np.zeros(self.nh)
        dc_next = np.zeros(self.nh)
        for t in range(T - 1, -1, -1):
            v, f, i, g, o, tc = self.cache[t]
            dy = dys[t]
            self.dWy += dy * self.h[t + 1][None, :]
            self.dby += dy
            dh = self.Wy[0] * dy + dh_next
            do = dh * tc
            dc = dh * o * (1 - tc ** 2) + dc_next
            df = dc * self.c[t]
            di = dc * g
            dg = dc * i
            dc_next = dc * f
            # through the gates
            df_raw = df * f * (1 - f)
            di_raw = di * i * (1 - i)
            dg_raw = dg * (1 - g ** 2)
            do_raw = do * o * (1 - o)
            self.dWf += np.outer(df_raw, v); self.dbf += df_raw
            self.dWi += np.outer(di_raw, v); self.dbi += di_raw
            self.dWg += np.outer(dg_raw, v); self.dbg += dg_raw
            self.dWo += np.outer(do_raw, v); self.dbo += do_raw
            dv = (self.Wf.T.dot(df_raw) + self.Wi.T.dot(di_raw)
                  + self.Wg.T.dot(dg_raw) + self.Wo.T.dot(do_raw))
            dh_next = dv[1:]

    def step(self, lr):
        for name in ['Wf', 'Wi', 'Wg', 'Wo', 'Wy', 'bf', 'bi', 'bg', 'bo', 'by']:
            w = getattr(self, name)
            w -= lr * getattr(self, 'd' + name)


np.random.seed(8)
series = np.sin(np.arange(60) * 0.5)
net = LSTM(1, 5)
T = 8
for epoch in range(15):
    epoch_loss = 0
    for s in range(0, 48, 6):
        xs = series[s:s + T]
        ts = series[s + 1:s + T + 1]
        ys = net.forward(xs)
        epoch_loss += 0.5 * np.sum((ys - ts) ** 2)
        net.backward(ys - ts)
        net.step(0.05)
    if epoch % 5 == 0:
        print('epoch', epoch, 'loss', epoch_loss)
print('loss', epoch_loss)
