// Optimiser steps, one launch a parameter, over n elements without gaps. `lr` and `steps` (how many
// so far, this one included) are numbers in device memory, because they change between launches;
// the rest never does.
//
//   sgd   g = grad + decay param;  v = momentum v + share g, share = 1 in step 1, then `keep`
//         (1 - dampening);  g = v, or g + momentum v (Nesterov);  param = param - lr g
//         Sutskever et al. 2013, "On the importance of initialization and momentum"
//   adam  m = beta1 m + rest1 g;  s = beta2 s + rest2 g^2;  rest = 1 - beta, c = 1 - beta^steps
//         param = (1 - lr shrink) param - lr m / c1 / (sqrt(s / c2) + eps)
//         Kingma and Ba 2015, "Adam: a method for stochastic optimization", arXiv:1412.6980
//         shrink: Loshchilov and Hutter 2019, "Decoupled weight decay", arXiv:1711.05101
//
// Grid: EACH, any number of work-items in one dimension. `decay` 0 leaves param out of g, even
// where it is infinite.
// variants: real=float,CPU=0; real=double,CPU=0; real=float,CPU=1; real=double,CPU=1

#define GRADIENT(T)       \
    T p = AT(T, param);   \
    T g = AT(T, grad);    \
    if (decay != 0) {     \
        g = g + decay * p; \
    }

#define SGD(T)                      \
    GRADIENT(T)                     \
    AT(T, param) = p - rate * g;

#define SGD_MOMENTUM(T)                          \
    GRADIENT(T)                                  \
    T v = momentum * AT(T, velocity) + share * g; \
    AT(T, velocity) = v;                         \
    if (nesterov) {                              \
        v = g + momentum * v;                    \
    }                                            \
    AT(T, param) = p - rate * v;

#define ADAM(T)                                                  \
    GRADIENT(T)                                                  \
    T m = beta1 * AT(T, mean) + rest1 * g;                       \
    T s = beta2 * AT(T, square) + rest2 * (g * g);               \
    AT(T, mean) = m;                                             \
    AT(T, square) = s;                                           \
    AT(T, param) = keep * p - rate * m / (sqrt(s * unbias) + eps);

__kernel void sgd(__global real *param, const i64 param_at, __global const real *grad,
                  const i64 grad_at, __global const real *lr, const i64 lr_at, const real decay,
                  const i64 n) {
    param += param_at;
    grad += grad_at;
    const real rate = lr[lr_at];
    EACH(n, SGD)
}

__kernel void sgd_momentum(__global real *param, const i64 param_at, __global const real *grad,
                           const i64 grad_at, __global real *velocity, const i64 velocity_at,
                           __global const real *lr, const i64 lr_at, __global const real *steps,
                           const i64 steps_at, const real momentum, const real keep,
                           const real decay, const i32 nesterov, const i64 n) {
    param += param_at;
    grad += grad_at;
    velocity += velocity_at;
    const real rate = lr[lr_at];
    const real share = steps[steps_at] > 1 ? keep : (real)(1);
    EACH(n, SGD_MOMENTUM)
}

// ln1 and ln2 are the logarithms of the betas: -expm1(steps log b) keeps the digits of 1 - b^steps
// that float would lose for b near 1.
__kernel void adam(__global real *param, const i64 param_at, __global const real *grad,
                   const i64 grad_at, __global real *mean, const i64 mean_at,
                   __global real *square, const i64 square_at, __global const real *lr,
                   const i64 lr_at, __global const real *steps, const i64 steps_at,
                   const real beta1, const real rest1, const real ln1, const real beta2,
                   const real rest2, const real ln2, const real eps, const real decay,
                   const real shrink, const i64 n) {
    param += param_at;
    grad += grad_at;
    mean += mean_at;
    square += square_at;
    const real rate = lr[lr_at] / -expm1(steps[steps_at] * ln1);
    const real keep = 1 - lr[lr_at] * shrink;
    const real unbias = 1 / -expm1(steps[steps_at] * ln2);
    EACH(n, ADAM)
}
