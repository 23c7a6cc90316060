// Losses: the softmax kinds work on `rows` rows of `cols` numbers without gaps, the squared error
// on n elements.
//
//   cross_entropy  loss = -log_softmax(x)[target]       d = g / total (softmax(x) - onehot)
//     _soft        loss = -sum p log_softmax(x)         d = g scale (softmax(x) sum p - p)
//   squared_error  y = (a - b)^2                        d = g scale (a - b)
//
// cross_entropy keeps the row's maximum and the logarithm of its sum in `saved` (rows, 2), so that
// backward takes one pass; they are apart because their sum would lose digits. A class number
// outside [0, cols) gives NaN; `ignored` gives 0 and a count of 0. The gradient g is a number (g_each 0) or one per loss (g_each 1).
//
// Grid: as rows.h says; squared_error: EACH, any number of work-items in one dimension.
// variants: real=float,CPU=0,GROUP=64,label=i32; real=double,CPU=0,GROUP=32,label=i64
// variants: real=float,CPU=1,label=i64; real=double,CPU=1,label=u8
#include "rows.h"

__kernel void cross_entropy_forward(__global const real *x, const i64 x_at,
                                    __global const label *target, const i64 target_at,
                                    const i64 ignored, __global real *loss, const i64 loss_at,
                                    __global real *count, const i64 count_at, __global real *saved,
                                    const i64 saved_at, const i64 rows, const i64 cols) {
    SCRATCH
    FOR_ROWS(r) {
        __global const real *from = x + x_at + r * cols;
        ROW_MAX(top, from)
        ROW_SUM(total, exp(get(from, c, cols, -INFINITY) - top))
        if (LEADER) {
            const i64 class_number = (i64)target[target_at + r];
            const int inside = class_number >= 0 && class_number < cols;
            const int counts = class_number != ignored;
            const real own = inside ? log(total) - (from[class_number] - top) : (real)(NAN);
            loss[loss_at + r] = counts ? own : (real)(0);
            count[count_at + r] = (real)counts;
            saved[saved_at + 2 * r] = top;
            saved[saved_at + 2 * r + 1] = log(total);
        }
    }
}

__kernel void cross_entropy_backward(__global const real *x, const i64 x_at,
                                     __global const label *target, const i64 target_at,
                                     const i64 ignored, __global const real *saved,
                                     const i64 saved_at, __global const real *g, const i64 g_at,
                                     const i32 g_each, __global const real *total,
                                     const i64 total_at, const i32 by_total, __global real *d,
                                     const i64 d_at, const i64 rows, const i64 cols) {
    const real scale = by_total ? 1 / total[total_at] : (real)(1);
    FOR_ROWS(r) {
        __global const real *from = x + x_at + r * cols;
        __global real *to = d + d_at + r * cols;
        const real top = saved[saved_at + 2 * r];
        const real log_total = saved[saved_at + 2 * r + 1];
        const i64 class_number = (i64)target[target_at + r];
        const int inside = class_number >= 0 && class_number < cols;
        const real own = inside ? g[g_at + (g_each ? r : 0)] * scale : (real)(NAN);
        const int counts = class_number != ignored;
        FOR_COLUMNS(c) {
            part p = exp(get(from, c, cols, 0) - top - log_total);
            put(to, c, cols, counts ? own * (p - hot(c, class_number)) : (part)(0));
        }
    }
}

__kernel void cross_entropy_soft_forward(__global const real *x, const i64 x_at,
                                         __global const real *target, const i64 target_at,
                                         __global real *loss, const i64 loss_at,
                                         __global real *saved, const i64 saved_at,
                                         const i64 rows, const i64 cols) {
    SCRATCH
    FOR_ROWS(r) {
        __global const real *from = x + x_at + r * cols;
        __global const real *wanted = target + target_at + r * cols;
        ROW_MAX(top, from)
        ROW_SUM(total, exp(get(from, c, cols, -INFINITY) - top))
        const real log_total = log(total);
        part partial = (part)(0);
        FOR_COLUMNS(c) {
            part p = get(wanted, c, cols, 0);
            part term = p * (get(from, c, cols, 0) - top - log_total);
            partial += p == 0 ? (part)(0) : term;  // 0 log 0 = 0
        }
        const real all = fold_sum(partial, SHARED);
        if (LEADER) {
            loss[loss_at + r] = -all;
            saved[saved_at + 2 * r] = top;
            saved[saved_at + 2 * r + 1] = log_total;
        }
    }
}

__kernel void cross_entropy_soft_backward(__global const real *x, const i64 x_at,
                                          __global const real *target, const i64 target_at,
                                          __global const real *saved, const i64 saved_at,
                                          __global const real *g, const i64 g_at,
                                          const i32 g_each, const real scale,
                                          __global real *d, const i64 d_at, const i64 rows,
                                          const i64 cols) {
    SCRATCH
    FOR_ROWS(r) {
        __global const real *from = x + x_at + r * cols;
        __global const real *wanted = target + target_at + r * cols;
        __global real *to = d + d_at + r * cols;
        const real top = saved[saved_at + 2 * r];
        const real log_total = saved[saved_at + 2 * r + 1];
        const real above = g[g_at + (g_each ? r : 0)] * scale;
        ROW_SUM(weight, get(wanted, c, cols, 0))
        FOR_COLUMNS(c) {
            part p = exp(get(from, c, cols, 0) - top - log_total);
            put(to, c, cols, above * (p * weight - get(wanted, c, cols, 0)));
        }
    }
}

#define SQUARED_ERROR(T)              \
    T gap = AT(T, a) - AT(T, b);      \
    AT(T, y) = gap * gap;

#define SQUARED_ERROR_BACKWARD(T)                   \
    T above = scale * (g_each ? AT(T, g) : (T)(g[0])); \
    AT(T, d) = (AT(T, a) - AT(T, b)) * above;

__kernel void squared_error_forward(__global const real *a, const i64 a_at,
                                    __global const real *b, const i64 b_at, __global real *y,
                                    const i64 y_at, const i64 n) {
    a += a_at;
    b += b_at;
    y += y_at;
    EACH(n, SQUARED_ERROR)
}

__kernel void squared_error_backward(__global const real *a, const i64 a_at,
                                     __global const real *b, const i64 b_at,
                                     __global const real *g, const i64 g_at, const i32 g_each,
                                     const real scale, __global real *d, const i64 d_at,
                                     const i64 n) {
    a += a_at;
    b += b_at;
    g += g_at;
    d += d_at;
    EACH(n, SQUARED_ERROR_BACKWARD)
}
