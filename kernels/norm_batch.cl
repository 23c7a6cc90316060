// Batch normalisation of x (batch, channels, space) without gaps, each channel by itself:
//
//   z = (x - mean) scale,  scale = 1 / sqrt(var + eps),  factor = scale weight,  n = batch space
//
//   batch_norm       mean = sum x / n,  var = sum (x - mean)^2 / n,  y = z weight + bias
//                    d = factor g + (2 to_var / scale - factor along) / n z
//                        + (to_mean - factor total) / n,  total = sum g,  along = sum g z
//     _eval          y = z weight + bias with a mean and var that are given,  d = factor g
//   running_statistics   running += share (batch - running), share = momentum or 1 / count
//
// Ioffe and Szegedy 2015, "Batch normalization", arXiv:1502.03167. `weighted` and `biased` say
// whether there is a weight and a bias; without, the pointer is not read. `wanted` says whether d is.
//
// A channel has one owner, so a launch does all of it: the owner reads x again from its cache. On a
// CPU a work-item owns channels, in any number of work-items; elsewhere a group of GROUP (a power of
// two) does, in any number of groups. With COLUMNS 1, for CPUs and a space of 1, 16 neighbouring
// channels lie in the lanes of vectors. Sums are taken in blocks, in an order that depends on the
// shape and GROUP alone. running_statistics: one group.
// variants: real=float,CPU=0,GROUP=64,COLUMNS=0; real=double,CPU=0,GROUP=32,COLUMNS=0
// variants: real=float,CPU=1,COLUMNS=0; real=double,CPU=1,COLUMNS=1
// variants: real=float,CPU=1,COLUMNS=1; real=double,CPU=1,COLUMNS=0
#include "rows.h"

#define OF_CHANNEL(T, x) (*(__global T *)((x) + c))

// SUM(T, s, TERM) adds up TERM(W), a value of element `i`; SWEEP(T, BODY) does BODY(W) at each. T is
// the type of what a channel has one of, W that in which elements are read.
#if COLUMNS
#define FEW 64
#define SUM(T, s, TERM)                                                \
    T s = (T)(0);                                                      \
    for (i64 b = 0; b < batch;) {                                      \
        T s##_near = (T)(0);                                           \
        for (const i64 to = min(batch, b + FEW); b < to; ++b) {        \
            const i64 i = b * channels + c;                            \
            s##_near += TERM(T);                                       \
        }                                                              \
        s += s##_near;                                                 \
    }
#define SWEEP(T, BODY)                                                 \
    for (i64 b = 0; b < batch; ++b) {                                  \
        const i64 i = b * channels + c;                                \
        BODY(T)                                                        \
    }
#define EACH_CHANNEL(BODY)                                             \
    const i64 rows = channels / 16 + channels % 16;                    \
    FOR_ROWS(job) {                                                    \
        if (job < channels / 16) {                                     \
            const i64 c = 16 * job;                                    \
            BODY(wide)                                                 \
        } else {                                                       \
            const i64 c = job + channels / 16 * 15;                    \
            BODY(real)                                                 \
        }                                                              \
    }
#else
#define EACH_CHANNEL(BODY)                                             \
    const i64 rows = channels;                                         \
    FOR_ROWS(c) { BODY(real) }
#if CPU
#define FEW 1024
// Blocks of at most FEW neighbouring elements, from `i` to `end`.
#define FOR_BLOCKS                                                     \
    for (i64 b = 0; b < batch; ++b)                                    \
        for (i64 start = 0, i = (b * channels + c) * space, end; start < space; start += FEW)
#define SUM(T, s, TERM)                                                \
    wide s##_lanes = (wide)(0);                                        \
    real s##_rest = 0;                                                 \
    FOR_BLOCKS {                                                       \
        wide one = (wide)(0), two = one, three = one, four = one;      \
        end = i + min(space - start, (i64)FEW);                        \
        for (; i + 64 <= end; i += 16) {                               \
            one += TERM(wide);                                         \
            i += 16;                                                   \
            two += TERM(wide);                                         \
            i += 16;                                                   \
            three += TERM(wide);                                       \
            i += 16;                                                   \
            four += TERM(wide);                                        \
        }                                                              \
        for (; i + 16 <= end; i += 16) {                               \
            one += TERM(wide);                                         \
        }                                                              \
        s##_lanes += (one + two) + (three + four);                     \
        for (; i < end; ++i) {                                         \
            s##_rest += TERM(real);                                    \
        }                                                              \
    }                                                                  \
    const real s = fold_sum(s##_lanes, SHARED) + s##_rest;
#define SWEEP(T, BODY)                                                 \
    FOR_BLOCKS {                                                       \
        end = i + min(space - start, (i64)FEW);                        \
        for (; i + 16 <= end; i += 16) {                               \
            BODY(wide)                                                 \
        }                                                              \
        for (; i < end; ++i) {                                         \
            BODY(real)                                                 \
        }                                                              \
    }
#else
#define FOR_MINE                                                       \
    for (i64 k = (i64)get_local_id(0), i; k < batch * space; k += GROUP)
#define SUM(T, s, TERM)                                                \
    real s##_mine = 0;                                                 \
    FOR_MINE {                                                         \
        i = (k / space * channels + c) * space + k % space;            \
        s##_mine += TERM(real);                                        \
    }                                                                  \
    const real s = fold_sum(s##_mine, SHARED);
#define SWEEP(T, BODY)                                                 \
    FOR_MINE {                                                         \
        i = (k / space * channels + c) * space + k % space;            \
        BODY(real)                                                     \
    }
#endif
#endif

#define X(W) AT(W, x)
#define G(W) AT(W, g)
#define SQUARE(W) ((AT(W, x) - mean) * (AT(W, x) - mean))
#define ALONG(W) (AT(W, g) * (AT(W, x) - mean))

#define SCALES(T)                                                      \
    const T scale = (T)(1) / sqrt(variance + eps);                     \
    T factor = scale;                                                  \
    if (weighted) {                                                    \
        factor *= OF_CHANNEL(T, weight);                               \
    }

#define NORMALISE(W) AT(W, y) = fma(AT(W, x) - mean, (W)(factor), (W)(shift));
#define NORMALISED(T)                                                  \
    SCALES(T)                                                          \
    T shift = (T)(0);                                                  \
    if (biased) {                                                      \
        shift = OF_CHANNEL(T, bias);                                   \
    }                                                                  \
    SWEEP(T, NORMALISE)

#define FORWARD(T)                                                     \
    SUM(T, all, X)                                                     \
    const T mean = all * share;                                        \
    SUM(T, squares, SQUARE)                                            \
    const T variance = squares * share;                                \
    if (LEADER) {                                                      \
        OF_CHANNEL(T, means) = mean;                                   \
        OF_CHANNEL(T, vars) = variance;                                \
    }                                                                  \
    NORMALISED(T)

__kernel void batch_norm_forward(__global const real *x, const i64 x_at,
                                 __global const real *weight, const i64 weight_at,
                                 const i32 weighted, __global const real *bias,
                                 const i64 bias_at, const i32 biased, __global real *y,
                                 const i64 y_at, __global real *means, const i64 means_at,
                                 __global real *vars, const i64 vars_at, const i64 batch,
                                 const i64 channels, const i64 space, const real share,
                                 const real eps) {
    SCRATCH
    x += x_at;
    weight += weight_at;
    bias += bias_at;
    y += y_at;
    means += means_at;
    vars += vars_at;
    EACH_CHANNEL(FORWARD)
}

#define GRADIENT(W)                                                    \
    AT(W, d) = fma(AT(W, g), (W)(factor), fma(AT(W, x) - mean, (W)(slope), (W)(level)));

#define BACKWARD(T)                                                    \
    const T mean = OF_CHANNEL(T, means), variance = OF_CHANNEL(T, vars); \
    SCALES(T)                                                          \
    SUM(T, all, G)                                                     \
    SUM(T, products, ALONG)                                            \
    const T together = products * scale;                               \
    if (LEADER) {                                                      \
        OF_CHANNEL(T, total) = all;                                    \
        OF_CHANNEL(T, along) = together;                               \
    }                                                                  \
    if (wanted) {                                                      \
        const T level = (OF_CHANNEL(T, to_mean) - factor * all) * share; \
        const T slope =                                                \
            (2 * OF_CHANNEL(T, to_var) - factor * together * scale) * share; \
        SWEEP(T, GRADIENT)                                             \
    }

__kernel void batch_norm_backward(__global const real *x, const i64 x_at, __global const real *g,
                                  const i64 g_at, __global const real *means,
                                  const i64 means_at, __global const real *vars,
                                  const i64 vars_at, __global const real *weight,
                                  const i64 weight_at, const i32 weighted,
                                  __global const real *to_mean, const i64 to_mean_at,
                                  __global const real *to_var, const i64 to_var_at,
                                  __global real *d, const i64 d_at, const i32 wanted,
                                  __global real *total, const i64 total_at,
                                  __global real *along, const i64 along_at, const i64 batch,
                                  const i64 channels, const i64 space, const real share,
                                  const real eps) {
    SCRATCH
    x += x_at;
    g += g_at;
    means += means_at;
    vars += vars_at;
    weight += weight_at;
    to_mean += to_mean_at;
    to_var += to_var_at;
    d += d_at;
    total += total_at;
    along += along_at;
    EACH_CHANNEL(BACKWARD)
}

#define FORWARD_EVAL(T)                                                \
    const T mean = OF_CHANNEL(T, means), variance = OF_CHANNEL(T, vars); \
    NORMALISED(T)

__kernel void batch_norm_eval_forward(__global const real *x, const i64 x_at,
                                      __global const real *means, const i64 means_at,
                                      __global const real *vars, const i64 vars_at,
                                      __global const real *weight, const i64 weight_at,
                                      const i32 weighted, __global const real *bias,
                                      const i64 bias_at, const i32 biased, __global real *y,
                                      const i64 y_at, const i64 batch, const i64 channels,
                                      const i64 space, const real eps) {
    x += x_at;
    means += means_at;
    vars += vars_at;
    weight += weight_at;
    bias += bias_at;
    y += y_at;
    EACH_CHANNEL(FORWARD_EVAL)
}

#define SHRINK(W) AT(W, d) = AT(W, g) * factor;

#define BACKWARD_EVAL(T)                                               \
    const T mean = OF_CHANNEL(T, means), variance = OF_CHANNEL(T, vars); \
    SCALES(T)                                                          \
    if (summed) {                                                      \
        SUM(T, all, G)                                                 \
        SUM(T, products, ALONG)                                        \
        if (LEADER) {                                                  \
            OF_CHANNEL(T, total) = all;                                \
            OF_CHANNEL(T, along) = products * scale;                   \
            OF_CHANNEL(T, factors) = factor;                           \
        }                                                              \
    }                                                                  \
    if (wanted) {                                                      \
        SWEEP(T, SHRINK)                                               \
    }

// `summed` says whether total, along and factors are wanted.
__kernel void batch_norm_eval_backward(__global const real *x, const i64 x_at,
                                       __global const real *g, const i64 g_at,
                                       __global const real *means, const i64 means_at,
                                       __global const real *vars, const i64 vars_at,
                                       __global const real *weight, const i64 weight_at,
                                       const i32 weighted, __global real *d, const i64 d_at,
                                       const i32 wanted, __global real *total,
                                       const i64 total_at, __global real *along,
                                       const i64 along_at, __global real *factors,
                                       const i64 factors_at, const i32 summed, const i64 batch,
                                       const i64 channels, const i64 space, const real eps) {
    SCRATCH
    x += x_at;
    g += g_at;
    means += means_at;
    vars += vars_at;
    weight += weight_at;
    d += d_at;
    total += total_at;
    along += along_at;
    factors += factors_at;
    EACH_CHANNEL(BACKWARD_EVAL)
}

__kernel void running_statistics(__global real *mean, const i64 mean_at, __global real *var,
                                 const i64 var_at, __global i64 *count, const i64 count_at,
                                 __global const real *batch_mean, const i64 batch_mean_at,
                                 __global const real *batch_var, const i64 batch_var_at,
                                 const real momentum, const i32 by_count, const real unbiased,
                                 const i64 channels) {
    const i64 seen = count[count_at] + 1;
    const real share = by_count ? (real)(1) / (real)seen : momentum;
    barrier(CLK_GLOBAL_MEM_FENCE); // the count is written when all have read it
    if (get_local_id(0) == 0) {
        count[count_at] = seen;
    }
    for (i64 c = (i64)get_local_id(0); c < channels; c += (i64)get_local_size(0)) {
        const real m = mean[mean_at + c], v = var[var_at + c];
        mean[mean_at + c] = m + share * (batch_mean[batch_mean_at + c] - m);
        var[var_at + c] = v + share * (batch_var[batch_var_at + c] * unbiased - v);
    }
}
