// y[m] = fold of x over the reduced axes, for views of any strides.
//
// The host orders the axes of x: kept axes first, reduced axes last, each group joined as far as its
// strides allow; m counts the kept elements, r the reduced ones, both in row-major order. The
// reduced elements of each m are cut in `parts` equal parts, and y is (m, parts): where there are
// several, the host folds y once more. So the order of all additions depends on shapes and device
// alone, and the same input gives the same bits.
//
//   FOLD       one of the fold_ macros below, FOLD_V its twin for vectors
//   PRE        what is done to each element first: the pre_ macros below
//   TX ACC TO   element types of x, of the accumulator, of y
//   FIRST      what the fold starts with, a literal
//   NKEPT NRED axes in each group (at most 8)
//   S_R        stride of the last reduced axis: 1, or LAST_R (read from the struct)
//   EXACT      1 for sums of floats: what an addition rounds away is added up beside the sum, so
//              that a chain of any length loses no digits (two-sum: D. Knuth, The Art of Computer
//              Programming, volume 2, 4.2.2)
//   DIVIDE     1 divides the result by `divisor`, which makes a mean of a sum
//   VECTOR     1 on CPUs where TX and ACC are one float type, and S_R (fold_rows) or the stride of
//              the last kept axis (fold_columns) is 1
// Grid: one dimension. fold_rows: FOR_EACH over (m, part). fold_columns, for CPUs: FOR_EACH over
// (blocks of 256 neighbouring m, part).
// Limits: 8 axes in each group.
//
// variants: FOLD=fold_sum,FOLD_V=lanes_sum,PRE=pre_none,TX=float,ACC=float,TO=float,FIRST=0,NKEPT=1,NRED=1,S_R=1,EXACT=1,DIVIDE=1
// variants: FOLD=fold_sum,FOLD_V=lanes_sum,PRE=pre_square,TX=float,ACC=float,TO=float,FIRST=0,NKEPT=1,NRED=1,S_R=1,EXACT=1,DIVIDE=0,CPU=1,VECTOR=1
// variants: FOLD=fold_max,FOLD_V=lanes_max,PRE=pre_none,TX=double,ACC=double,TO=double,FIRST=-INFINITY,NKEPT=2,NRED=3,S_R=LAST_R,EXACT=0,DIVIDE=0
// variants: FOLD=fold_any,FOLD_V=lanes_any,PRE=pre_truth,TX=float,ACC=u8,TO=u8,FIRST=0,NKEPT=0,NRED=1,S_R=1,EXACT=0,DIVIDE=0
// variants: FOLD=fold_sum,FOLD_V=lanes_sum,PRE=pre_none,TX=i8,ACC=u64,TO=i64,FIRST=0,NKEPT=1,NRED=1,S_R=1,EXACT=0,DIVIDE=0

#include "folding.h"

#define fold_sum(s, x) ((s) + (x))
#define fold_prod(s, x) ((s) * (x))
#define fold_max(s, x) ((x) > (s) || (x) != (x) ? (x) : (s)) // a later NaN wins,
#define fold_min(s, x) ((x) < (s) || (x) != (x) ? (x) : (s)) // an earlier one is never beaten
#define lanes_sum(s, x) ((s) + (x))
#define lanes_prod(s, x) ((s) * (x))
#define lanes_max(s, x) ((((x) > (s)) | ((x) != (x))) ? (x) : (s))
#define lanes_min(s, x) ((((x) < (s)) | ((x) != (x))) ? (x) : (s))
#define fold_any(s, x) ((ACC)((s) || (x)))
#define fold_all(s, x) ((ACC)((s) && (x)))

#define pre_none(x) (x)
#define pre_square(x) ((x) * (x))
#define pre_truth(x) ((x) != 0)

// A sum s and what its additions rounded away, e. An infinity makes e NaN; then s alone is the sum.
#if defined(EXACT) && EXACT
#define LOST(W, e) W e = (W)((ACC)0);
#define LOST_EACH(W, e, n) W e[n]; for (int q = 0; q < (n); ++q) e[q] = (W)((ACC)0);
#define INTO(F, W, s, e, x)                                          \
    {                                                                \
        const W t_ = (s) + (x), b_ = t_ - (s);                       \
        (e) += ((s) - (t_ - b_)) + ((x) - b_);                       \
        (s) = t_;                                                    \
    }
#define TOGETHER(e, f) (e) += (f);
#define TOTAL(s, e) ((e) - (e) == 0 ? (s) + (e) : (s))
#else
#define LOST(W, e)
#define LOST_EACH(W, e, n)
#define INTO(F, W, s, e, x) (s) = F(s, x);
#define TOGETHER(e, f)
#define TOTAL(s, e) (s)
#endif

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#ifndef VECTOR
#define VECTOR 0
#endif
#if VECTOR
#define LANES 16
#define V PASTE(ACC, 16)
#endif

#define STORE(place, s) y[place] = (TO)(DIVIDE ? (s) / divisor : (s));

__kernel void fold_rows(__global const TX *x, const i64 x_at, __global TO *y, const i64 kept,
                        const i64 reduced, const i64 parts, const ACC divisor, const Folding at) {
    x += x_at;
    FOR_EACH(i, kept * parts) {
        KEPT_OFFSET(start, i / parts)
        const i64 part = i % parts;
        const i64 end = reduced * (part + 1) / parts;
        ACC s = (ACC)(FIRST);
        LOST(ACC, e)
        for (i64 r = reduced * part / parts; r < end;) {
            const i64 inner = NRED == 1 ? reduced : at.red_shape[NRED - 1];
            i64 k = r % inner;
            REDUCED_OFFSET(run, r - k)
            run += start;
            const i64 stop = min(inner, k + end - r);
            r += stop - k;
#if VECTOR
            if (stop - k >= 2 * LANES) {
                V lanes = (V)((ACC)(FIRST)), more = lanes;
                LOST(V, lanes_e)
                LOST(V, more_e)
                for (; k + 2 * LANES <= stop; k += 2 * LANES) {
                    const V one = vload16(0, x + run + k);
                    const V two = vload16(0, x + run + k + LANES);
                    INTO(FOLD_V, V, lanes, lanes_e, PRE(one))
                    INTO(FOLD_V, V, more, more_e, PRE(two))
                }
                INTO(FOLD_V, V, lanes, lanes_e, more)
                TOGETHER(lanes_e, more_e)
                ACC each[LANES];
                vstore16(lanes, 0, each);
#if EXACT
                ACC each_e[LANES];
                vstore16(lanes_e, 0, each_e);
#endif
                for (int span = LANES / 2; span > 0; span /= 2)
                    for (int j = 0; j < span; ++j) {
                        INTO(FOLD, ACC, each[j], each_e[j], each[j + span])
                        TOGETHER(each_e[j], each_e[j + span])
                    }
                INTO(FOLD, ACC, s, e, each[0])
                TOGETHER(e, each_e[0])
            }
#endif
            for (; k < stop; ++k) {
                const ACC v = (ACC)PRE(x[run + k * (S_R)]);
                INTO(FOLD, ACC, s, e, v)
            }
        }
        STORE(i, TOTAL(s, e))
    }
}

#if VECTOR
#define COLUMNS 256
#define SHORT 16
// Folds W vectors of neighbouring columns over rows [begin, end). SHORT rows at a time stay in
// registers; in sums, no more than SHORT numbers meet before what is rounded away is kept.
#define FOLD_COLUMNS(W)                                              \
    V all[W];                                                        \
    LOST_EACH(V, all_e, W)                                           \
    for (int j = 0; j < W; ++j) all[j] = (V)((ACC)(FIRST));          \
    for (i64 r = begin; r < end;) {                                  \
        V s[W];                                                      \
        _Pragma("unroll") for (int j = 0; j < W; ++j) s[j] = (V)((ACC)(FIRST)); \
        for (const i64 to = min(end, r + SHORT); r < to; ++r) {      \
            REDUCED_OFFSET(p, r)                                     \
            _Pragma("unroll") for (int j = 0; j < W; ++j) {          \
                const V v = vload16(j, x + start + p);               \
                s[j] = FOLD_V(s[j], PRE(v));                         \
            }                                                        \
        }                                                            \
        for (int j = 0; j < W; ++j) INTO(FOLD_V, V, all[j], all_e[j], s[j]) \
    }                                                                \
    for (int j = 0; j < W; ++j) {                                    \
        PUT_LANES(m + j * LANES, all[j], all_e[j])                   \
    }

#if EXACT
#define PUT_LANES(m, v, v_e)                                         \
    ACC each[LANES], each_e[LANES];                                  \
    vstore16(v, 0, each);                                            \
    vstore16(v_e, 0, each_e);                                        \
    for (int l = 0; l < LANES; ++l) STORE((m + l) * parts + part, TOTAL(each[l], each_e[l]))
#else
#define PUT_LANES(m, v, v_e)                                         \
    ACC each[LANES];                                                 \
    vstore16(v, 0, each);                                            \
    for (int l = 0; l < LANES; ++l) STORE((m + l) * parts + part, each[l])
#endif

__kernel void fold_columns(__global const TX *x, const i64 x_at, __global TO *y, const i64 kept,
                           const i64 reduced, const i64 parts, const ACC divisor,
                           const Folding at) {
    x += x_at;
    const i64 inner = at.kept_shape[NKEPT - 1];
    const i64 blocks = (inner + COLUMNS - 1) / COLUMNS;
    const i64 jobs = kept / inner * blocks * parts;
    const i64 last = jobs * ((i64)get_global_id(0) + 1) / (i64)get_global_size(0);
    for (i64 job = jobs * (i64)get_global_id(0) / (i64)get_global_size(0); job < last; ++job) {
        // Neighbouring blocks of the same rows follow each other: they lie in the same pages.
        const i64 block = job % blocks, part = job / blocks % parts, outer = job / blocks / parts;
        const i64 begin = reduced * part / parts, end = reduced * (part + 1) / parts;
        i64 m = outer * inner + block * COLUMNS;
        const i64 stop = outer * inner + min((block + 1) * COLUMNS, inner);
        for (; m + COLUMNS <= stop; m += COLUMNS) {
            KEPT_OFFSET(start, m)
            FOLD_COLUMNS(16)
        }
        for (; m + LANES <= stop; m += LANES) {
            KEPT_OFFSET(start, m)
            FOLD_COLUMNS(1)
        }
        for (; m < stop; ++m) {
            KEPT_OFFSET(start, m)
            ACC s = (ACC)(FIRST);
            LOST(ACC, e)
            for (i64 r = begin; r < end; ++r) {
                REDUCED_OFFSET(p, r)
                const ACC v = (ACC)PRE(x[start + p]);
                INTO(FOLD, ACC, s, e, v)
            }
            STORE(m * parts + part, TOTAL(s, e))
        }
    }
}
#endif
