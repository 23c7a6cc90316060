// Optimiser steps over up to SLOTS parameters in one launch. `lr` and `steps` (how many so far, this
// one included) are numbers in device memory, because they change between launches; x0 to x9 never
// do, and each kind of step says what they are. A slot is a parameter of n elements without gaps,
// its gradient and up to three buffers a, b, c; slots that are not used have n = 0.
//
//   SGD       g = grad + decay param;  v = momentum v + share g, share = 1 in step 1, then `keep`
//             (1 - dampening);  g = v, or g + momentum v (Nesterov);  param = param - lr g
//             Sutskever et al. 2013, "On the importance of initialization and momentum"
//   ADAM      m = beta1 m + rest1 g;  s = beta2 s + rest2 g^2;  rest = 1 - beta, c = 1 - beta^steps
//             param = (1 - lr shrink) param - lr m / c1 / (sqrt(s / c2) + eps)
//             Kingma and Ba 2015, "Adam: a method for stochastic optimization", arXiv:1412.6980
//             shrink: Loshchilov and Hutter 2019, "Decoupled weight decay", arXiv:1711.05101
//             l = max(l, s) in place of s: Reddi et al. 2018, arXiv:1904.09237
//   NADAM     Dozat 2016, "Incorporating Nesterov momentum into Adam"; c is the product of momenta
//   LION      Chen et al. 2023, "Symbolic discovery of optimization algorithms", arXiv:2302.06675
//   ADAGRAD   Duchi, Hazan and Singer 2011, "Adaptive subgradient methods"
//   ADADELTA  Zeiler 2012, "Adadelta: an adaptive learning rate method", arXiv:1212.5701
//   SCALE     param = lr g: gradients shrunk by one factor
//   RMSPROP   Hinton 2012, lecture 6e; centered: Graves 2013, arXiv:1308.0850
//
// Layout: the slots stand one after the other, each rounded up to 16 elements; that line is cut
// into equal parts, whatever the parameters' sizes are. Every element is computed as if alone:
// several parameters at once have the bits of one after the other.
// Grid: any number of work-items in one dimension. Bound: memory; Adam moves 28 bytes an element.
// Limits: the arguments take 816 bytes of the 1024 that every device has. `decay` 0 leaves param
// out of g, even where it is infinite.
// variants: real=float,CPU=0,STEP=SGD; real=float,CPU=1,STEP=SGD; real=double,CPU=0,STEP=SGD
// variants: real=float,CPU=0,STEP=ADAM; real=float,CPU=1,STEP=ADAM; real=double,CPU=1,STEP=ADAM
// variants: real=float,CPU=0,STEP=NADAM; real=float,CPU=1,STEP=NADAM
// variants: real=float,CPU=0,STEP=LION; real=float,CPU=1,STEP=LION; real=double,CPU=1,STEP=LION
// variants: real=float,CPU=0,STEP=ADAGRAD; real=float,CPU=1,STEP=ADAGRAD
// variants: real=float,CPU=0,STEP=ADADELTA; real=float,CPU=1,STEP=ADADELTA
// variants: real=float,CPU=0,STEP=RMSPROP; real=float,CPU=1,STEP=RMSPROP
// variants: real=float,CPU=0,STEP=SCALE; real=float,CPU=1,STEP=SCALE

#define SLOTS 8

#define GRADIENT(T)       \
    T p = AT(T, param);   \
    T g = AT(T, grad);    \
    if (decay != 0) {     \
        g = g + decay * p; \
    }

#define SGD_NUMBERS                                                      \
    const real decay = x0, momentum = x1, nesterov = x2, heavy = x4;     \
    const real share = steps[steps_at] > 1 ? x3 : (real)(1);
#define SGD(T)                                    \
    GRADIENT(T)                                   \
    if (heavy != 0) {                             \
        T v = momentum * AT(T, a) + share * g;    \
        AT(T, a) = v;                             \
        if (nesterov != 0) {                      \
            v = g + momentum * v;                 \
        }                                         \
        g = v;                                    \
    }                                             \
    AT(T, param) = p - rate * g;

// ln1 and ln2 are the logarithms of the betas: -expm1(steps log b) keeps the digits of 1 - b^steps
// that float would lose for b near 1.
#define ADAM_NUMBERS                                                                  \
    const real beta1 = x0, rest1 = x1, beta2 = x3, rest2 = x4, eps = x6, decay = x7;  \
    const real scaled = rate / -expm1(steps[steps_at] * x2), keep = 1 - rate * x8;    \
    const real unbias = 1 / -expm1(steps[steps_at] * x5), amsgrad = x9;
#define MOMENTS(T)                                \
    GRADIENT(T)                                   \
    T m = beta1 * AT(T, a) + rest1 * g;           \
    T s = beta2 * AT(T, b) + rest2 * (g * g);     \
    AT(T, a) = m;                                 \
    AT(T, b) = s;
#define ADAM(T)                                   \
    MOMENTS(T)                                    \
    if (amsgrad != 0) {                           \
        T l = AT(T, c);                           \
        s = ((s > l) | (s != s)) ? s : l;         \
        AT(T, c) = s;                             \
    }                                             \
    AT(T, param) = keep * p - scaled * m / (sqrt(s * unbias) + eps);

// x9 is momentum_decay log(0.96): u(t) = beta1 (1 - exp(x9 t) / 2).
#define NADAM_NUMBERS                                                                \
    const real beta1 = x0, rest1 = x1, beta2 = x3, rest2 = x4, eps = x6, decay = x7; \
    const real keep = 1 - rate * x8, unbias = 1 / -expm1(steps[steps_at] * x5);      \
    const real now = beta1 * (1 - (real)(0.5) * exp(steps[steps_at] * x9));          \
    const real then = beta1 * (1 - (real)(0.5) * exp((steps[steps_at] + 1) * x9));
#define NADAM(T)                                                              \
    MOMENTS(T)                                                                \
    T d = (1 - now) / (1 - first) * g + then / (1 - first * then) * m;        \
    AT(T, param) = keep * p - rate * d / (sqrt(s * unbias) + eps);

// Not sign(x): some drivers give 0 for NaN.
#define LION_NUMBERS                                                       \
    const real beta1 = x0, rest1 = x1, beta2 = x2, rest2 = x3;             \
    const real keep = 1 - rate * x4;
#define LION(T)                                                            \
    T g = AT(T, grad);                                                     \
    T m = AT(T, a);                                                        \
    T d = beta1 * m + rest1 * g;                                           \
    d = d > (real)(0) ? (T)(1) : (d < (real)(0) ? (T)(-1) : d);            \
    AT(T, param) = keep * AT(T, param) - rate * d;                         \
    AT(T, a) = beta2 * m + rest2 * g;

#define ADAGRAD_NUMBERS                                                  \
    const real decay = x0, eps = x1;                                     \
    const real scaled = rate / (1 + (steps[steps_at] - 1) * x2);
#define ADAGRAD(T)                        \
    GRADIENT(T)                           \
    T t = AT(T, a) + g * g;               \
    AT(T, a) = t;                         \
    AT(T, param) = p - scaled * g / (sqrt(t) + eps);

#define ADADELTA_NUMBERS const real decay = x0, eps = x1, rho = x2, rest = x3;
#define ADADELTA(T)                                    \
    GRADIENT(T)                                        \
    T s = rho * AT(T, a) + rest * (g * g);             \
    T moved = AT(T, b);                                \
    T d = sqrt(moved + eps) / sqrt(s + eps) * g;       \
    AT(T, a) = s;                                      \
    AT(T, b) = rho * moved + rest * (d * d);           \
    AT(T, param) = p - rate * d;

#define RMSPROP_NUMBERS                                                      \
    const real decay = x0, eps = x1, alpha = x2, rest = x3, momentum = x4;   \
    const real centered = x5, heavy = x6;
#define RMSPROP(T)                                     \
    GRADIENT(T)                                        \
    T s = alpha * AT(T, a) + rest * (g * g);           \
    AT(T, a) = s;                                      \
    if (centered != 0) {                               \
        T m = alpha * AT(T, b) + rest * g;             \
        AT(T, b) = m;                                  \
        s = s - m * m;                                 \
    }                                                  \
    T d = g / (sqrt(s) + eps);                         \
    if (heavy != 0) {                                  \
        d = momentum * AT(T, c) + d;                   \
        AT(T, c) = d;                                  \
    }                                                  \
    AT(T, param) = p - rate * d;

#define SCALE_NUMBERS
#define SCALE(T) AT(T, param) = AT(T, grad) * rate;

#define NUMBERS_(kind) kind##_NUMBERS
#define NUMBERS(kind) NUMBERS_(kind)
#define EACH_SLOT(x) {x(0), x(1), x(2), x(3), x(4), x(5), x(6), x(7)}
#define PARAM(k) param##k + param##k##_at
#define GRAD(k) grad##k + grad##k##_at
#define A(k) a##k + a##k##_at
#define B(k) b##k + b##k##_at
#define C(k) c##k + c##k##_at
#define N(k) n##k

static inline i64 padded(i64 n) {
    return (n + 15) / 16 * 16;
}

// BODY for this work-item's part of the n elements that stand from `base` on the line of `total`.
#if CPU
#define EACH_FROM(base, total, n, BODY)                         \
    {                                                           \
        i64 i = max(CHUNK_START(total) - base, (i64)0);         \
        const i64 end = min(CHUNK_END(total) - base, n);        \
        for (; i + 16 <= end; i += 16) {                        \
            BODY(wide)                                          \
        }                                                       \
        for (; i < end; ++i) {                                  \
            BODY(real)                                          \
        }                                                       \
    }
#else
#define EACH_FROM(base, total, n, BODY)                                             \
    {                                                                               \
        const i64 size = (i64)get_global_size(0);                                   \
        for (i64 i = ((i64)get_global_id(0) + size - base % size) % size; i < n;    \
             i += size) {                                                           \
            BODY(real)                                                              \
        }                                                                           \
    }
#endif

__kernel void optimize(__global real *param0, const i64 param0_at, __global const real *grad0,
                       const i64 grad0_at, __global real *a0, const i64 a0_at, __global real *b0,
                       const i64 b0_at, __global real *c0, const i64 c0_at, const i64 n0,
                       __global real *param1, const i64 param1_at, __global const real *grad1,
                       const i64 grad1_at, __global real *a1, const i64 a1_at, __global real *b1,
                       const i64 b1_at, __global real *c1, const i64 c1_at, const i64 n1,
                       __global real *param2, const i64 param2_at, __global const real *grad2,
                       const i64 grad2_at, __global real *a2, const i64 a2_at, __global real *b2,
                       const i64 b2_at, __global real *c2, const i64 c2_at, const i64 n2,
                       __global real *param3, const i64 param3_at, __global const real *grad3,
                       const i64 grad3_at, __global real *a3, const i64 a3_at, __global real *b3,
                       const i64 b3_at, __global real *c3, const i64 c3_at, const i64 n3,
                       __global real *param4, const i64 param4_at, __global const real *grad4,
                       const i64 grad4_at, __global real *a4, const i64 a4_at, __global real *b4,
                       const i64 b4_at, __global real *c4, const i64 c4_at, const i64 n4,
                       __global real *param5, const i64 param5_at, __global const real *grad5,
                       const i64 grad5_at, __global real *a5, const i64 a5_at, __global real *b5,
                       const i64 b5_at, __global real *c5, const i64 c5_at, const i64 n5,
                       __global real *param6, const i64 param6_at, __global const real *grad6,
                       const i64 grad6_at, __global real *a6, const i64 a6_at, __global real *b6,
                       const i64 b6_at, __global real *c6, const i64 c6_at, const i64 n6,
                       __global real *param7, const i64 param7_at, __global const real *grad7,
                       const i64 grad7_at, __global real *a7, const i64 a7_at, __global real *b7,
                       const i64 b7_at, __global real *c7, const i64 c7_at, const i64 n7,
                       __global const real *lr, const i64 lr_at, __global const real *steps,
                       const i64 steps_at, const real x0, const real x1, const real x2,
                       const real x3, const real x4, const real x5, const real x6, const real x7,
                       const real x8, const real x9) {
    __global real *params[SLOTS] = EACH_SLOT(PARAM);
    __global const real *grads[SLOTS] = EACH_SLOT(GRAD);
    __global real *as[SLOTS] = EACH_SLOT(A);
    __global real *bs[SLOTS] = EACH_SLOT(B);
    __global real *cs[SLOTS] = EACH_SLOT(C);
    const i64 sizes[SLOTS] = EACH_SLOT(N);
    const real rate = lr[lr_at];
    NUMBERS(STEP)
    i64 base = 0, total = 0;
    for (i32 k = 0; k < SLOTS; ++k) {
        total += padded(sizes[k]);
    }
    for (i32 k = 0; k < SLOTS; ++k) {
        const i64 n = sizes[k];
        __global real *param = params[k];
        __global const real *grad = grads[k];
        __global real *const a = as[k];
        __global real *const b = bs[k];
        __global real *const c = cs[k];
        const real first = *c;
        (void)a, (void)b, (void)c, (void)first, (void)rate;  // not every kind has all
        EACH_FROM(base, total, n, STEP)
        base += padded(n);
    }
}
