// Activations, one launch forward and one backward: over n elements without gaps, softmax and
// log_softmax over `rows` rows of `cols` numbers without gaps.
//
//   relu         y = max(x, 0), NaN kept             d = g where y > 0, else 0
//   sigmoid      y = 1 / (1 + exp(-x))               d = g y (1 - y)
//   tanh         y = tanh(x)                         d = g (1 - y^2)
//   softmax      y = exp(x - max x) / sum            d = y (g - sum g y)
//   log_softmax  y = x - max x - log sum             d = g - exp(y) sum g
//
// Grid: EACH, any number of work-items in one dimension; the last two as rows.h says.
// variants: real=float,CPU=0,GROUP=64; real=double,CPU=0,GROUP=32
// variants: real=float,CPU=1; real=double,CPU=1
#include "rows.h"

#include "tanh_of.h"

#define RELU(T)                    \
    T v = AT(T, x);                \
    AT(T, y) = v < 0 ? (T)(0) : v;

#define RELU_BACKWARD(T) AT(T, d) = AT(T, y) > 0 ? AT(T, g) : (T)(0);

// exp of -|x| lies in (0, 1], so neither branch overflows.
#define SIGMOID(T)                                   \
    T v = AT(T, x);                                  \
    T z = exp(-fabs(v));                             \
    AT(T, y) = (v >= 0 ? (T)(1) : z) / ((T)(1) + z);

#define SIGMOID_BACKWARD(T)                             \
    T v = AT(T, y);                                     \
    AT(T, d) = AT(T, g) * v * ((T)(1) - v);

#define TANH(T)                                      \
    T v = AT(T, x);                                  \
    AT(T, y) = TANH_OF(T)(v);

#define TANH_BACKWARD(T)                       \
    T v = AT(T, y);                            \
    AT(T, d) = AT(T, g) * ((T)(1) - v * v);

__kernel void relu_forward(__global const real *x, const i64 x_at, __global real *y,
                           const i64 y_at, const i64 n) {
    x += x_at;
    y += y_at;
    EACH(n, RELU)
}

__kernel void relu_backward(__global const real *y, const i64 y_at, __global const real *g,
                            const i64 g_at, __global real *d, const i64 d_at, const i64 n) {
    y += y_at;
    g += g_at;
    d += d_at;
    EACH(n, RELU_BACKWARD)
}

__kernel void sigmoid_forward(__global const real *x, const i64 x_at, __global real *y,
                              const i64 y_at, const i64 n) {
    x += x_at;
    y += y_at;
    EACH(n, SIGMOID)
}

__kernel void sigmoid_backward(__global const real *y, const i64 y_at, __global const real *g,
                               const i64 g_at, __global real *d, const i64 d_at, const i64 n) {
    y += y_at;
    g += g_at;
    d += d_at;
    EACH(n, SIGMOID_BACKWARD)
}

__kernel void tanh_forward(__global const real *x, const i64 x_at, __global real *y,
                           const i64 y_at, const i64 n) {
    x += x_at;
    y += y_at;
    EACH(n, TANH)
}

__kernel void tanh_backward(__global const real *y, const i64 y_at, __global const real *g,
                            const i64 g_at, __global real *d, const i64 d_at, const i64 n) {
    y += y_at;
    g += g_at;
    d += d_at;
    EACH(n, TANH_BACKWARD)
}

__kernel void softmax_forward(__global const real *x, const i64 x_at, __global real *y,
                              const i64 y_at, const i64 rows, const i64 cols) {
    SCRATCH
    FOR_ROWS(r) {
        __global const real *from = x + x_at + r * cols;
        __global real *to = y + y_at + r * cols;
        ROW_MAX(top, from)
        part partial = (part)(0);
        FOR_COLUMNS(c) {
            part e = exp(get(from, c, cols, -INFINITY) - top);
            put(to, c, cols, e);
            partial += e;
        }
        const real total = fold_sum(partial, SHARED);
        FOR_COLUMNS(c) { put(to, c, cols, get(to, c, cols, 0) / total); }
    }
}

__kernel void softmax_backward(__global const real *y, const i64 y_at, __global const real *g,
                               const i64 g_at, __global real *d, const i64 d_at, const i64 rows,
                               const i64 cols) {
    SCRATCH
    FOR_ROWS(r) {
        __global const real *value = y + y_at + r * cols;
        __global const real *above = g + g_at + r * cols;
        __global real *to = d + d_at + r * cols;
        ROW_SUM(total, get(value, c, cols, 0) * get(above, c, cols, 0))
        FOR_COLUMNS(c) {
            put(to, c, cols, get(value, c, cols, 0) * (get(above, c, cols, 0) - total));
        }
    }
}

__kernel void log_softmax_forward(__global const real *x, const i64 x_at, __global real *y,
                                  const i64 y_at, const i64 rows, const i64 cols) {
    SCRATCH
    FOR_ROWS(r) {
        __global const real *from = x + x_at + r * cols;
        __global real *to = y + y_at + r * cols;
        ROW_MAX(top, from)
        ROW_SUM(total, exp(get(from, c, cols, -INFINITY) - top))
        const real log_total = log(total);
        FOR_COLUMNS(c) { put(to, c, cols, get(from, c, cols, 0) - top - log_total); }
    }
}

__kernel void log_softmax_backward(__global const real *y, const i64 y_at,
                                   __global const real *g, const i64 g_at, __global real *d,
                                   const i64 d_at, const i64 rows, const i64 cols) {
    SCRATCH
    FOR_ROWS(r) {
        __global const real *value = y + y_at + r * cols;
        __global const real *above = g + g_at + r * cols;
        __global real *to = d + d_at + r * cols;
        ROW_SUM(total, get(above, c, cols, 0))
        FOR_COLUMNS(c) {
            put(to, c, cols, get(above, c, cols, 0) - exp(get(value, c, cols, 0)) * total);
        }
    }
}
