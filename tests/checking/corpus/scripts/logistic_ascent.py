# Logistic regression the statistician's way: climb the penalised log likelihood.
#   l(beta) = sum_i [ t_i log p_i + (1 - t_i) log(1 - p_i) ] - lam/2 |beta|^2
import numpy as np

rng = np.random.RandomState(0)

n, k = 50, 3
Z = rng.normal(size=(n, k))
true_beta = np.array([0.4, 1.5, -2.0, 0.8])
D = np.column_stack((np.ones(n), Z))                # design matrix
t = (rng.uniform(size=n) < 1 / (1 + np.exp(-D.dot(true_beta)))) * 1

beta = rng.normal(scale=.5, size=k + 1)
lam = 0.5
rate = .005

last = -np.inf
for sweep in range(80):
    eta = D.dot(beta)
    p = 1 / (1 + np.exp(-eta))
    loglik = np.sum(t * np.log(p) + (1 - t) * np.log(1 - p)) - lam / 2 * beta.dot(beta)
    if abs(loglik - last) < 1e-5:
        break
    last = loglik

    resid = t - p
    score = np.zeros(k + 1)
    for j in range(k + 1):
        score[j] = np.sum(resid * D[:, j])
    score = score - lam * beta
    beta += rate * score

print("stopped after", sweep, "sweeps, log likelihood", loglik)
print("beta:", beta.round(3))
