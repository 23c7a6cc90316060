// y[m] = fold of x over the reduced axes, for views of any strides.
//
// The host orders the axes of x: kept axes first, reduced axes last, each group joined as far as its
// strides allow; m counts the kept elements, r the reduced ones, both in row-major order. The
// reduced elements of each m are cut in `parts` equal parts, and y is (m, parts): where there are
// several, the host folds y once more. So the order of all additions depends on shapes and device
// alone, the same input gives the same bits, and no chain of additions is long.
//
//   FOLD       one of the fold_ macros below, FOLD_V its twin for vectors; or
//   FOUND      one of the found_ macros: then the file holds `find` alone
//   TX ACC TO   element types of x, of the accumulator, of y
//   FIRST      what the fold starts with, a literal
//   NKEPT NRED axes in each group (at most 8)
//   S_R        stride of the last reduced axis: 1, or LAST_R (read from the struct)
//   VECTOR     1 on CPUs where TX and ACC are one float type, and S_R (fold_rows) or the stride of
//              the last kept axis (fold_columns) is 1
// Grid: one dimension. fold_rows: FOR_EACH over (m, part). fold_columns, for CPUs: FOR_EACH over
// (blocks of 256 neighbouring m, part). find: FOR_EACH over m. `divisor` makes a mean of a sum.
// Limits: 8 axes in each group.
//
// variants: FOLD=fold_sum,FOLD_V=lanes_sum,TX=float,ACC=float,TO=float,FIRST=0,NKEPT=1,NRED=1,S_R=1
// variants: FOLD=fold_sum,FOLD_V=lanes_sum,TX=float,ACC=float,TO=float,FIRST=0,NKEPT=1,NRED=1,S_R=1,CPU=1,VECTOR=1
// variants: FOLD=fold_max,FOLD_V=lanes_max,TX=double,ACC=double,TO=double,FIRST=-INFINITY,NKEPT=2,NRED=3,S_R=LAST_R
// variants: FOLD=fold_any,FOLD_V=lanes_any,TX=u8,ACC=u8,TO=u8,FIRST=0,NKEPT=0,NRED=1,S_R=1
// variants: FOUND=found_argmax,TX=i32,ACC=i32,TO=i64,FIRST=0,NKEPT=1,NRED=1,S_R=1

typedef struct {
    i64 kept_shape[8], kept[8], red_shape[8], red[8];
} Folding;

#define LAST_R at.red[NRED - 1]

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
#define found_argmax(s, x) ((x) > (s) || ((x) != (x) && (s) == (s)))
#define found_argmin(s, x) ((x) < (s) || ((x) != (x) && (s) == (s)))

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#ifndef VECTOR
#define VECTOR 0
#endif
#if VECTOR
#define LANES 16
#define V PASTE(ACC, 16)
#endif

#define KEPT_OFFSET(p, m)                                            \
    i64 p = 0;                                                       \
    {                                                                \
        i64 rest = (m);                                              \
        for (int d = NKEPT - 1; d >= 0; --d) {                       \
            p += rest % at.kept_shape[d] * at.kept[d];               \
            rest /= at.kept_shape[d];                                \
        }                                                            \
    }

#define REDUCED_OFFSET(p, r)                                         \
    i64 p = 0;                                                       \
    {                                                                \
        i64 rest = (r);                                              \
        for (int d = NRED - 1; d >= 0; --d) {                        \
            p += rest % at.red_shape[d] * at.red[d];                 \
            rest /= at.red_shape[d];                                 \
        }                                                            \
    }

#define STORE(place, s) y[place] = (TO)(divisor > 1 ? (s) / (ACC)divisor : (s))

#ifndef FOUND
__kernel void fold_rows(__global const TX *x, const i64 x_at, __global TO *y, const i64 kept,
                        const i64 reduced, const i64 parts, const i64 divisor, const Folding at) {
    x += x_at;
    FOR_EACH(i, kept * parts) {
        KEPT_OFFSET(start, i / parts)
        const i64 part = i % parts;
        const i64 end = reduced * (part + 1) / parts;
        ACC s = (ACC)(FIRST);
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
                for (; k + 2 * LANES <= stop; k += 2 * LANES) {
                    const V one = vload16(0, x + run + k);
                    const V two = vload16(0, x + run + k + LANES);
                    lanes = FOLD_V(lanes, one);
                    more = FOLD_V(more, two);
                }
                ACC each[2 * LANES];
                vstore16(lanes, 0, each);
                vstore16(more, 0, each + LANES);
                for (int span = LANES; span > 0; span /= 2)
                    for (int j = 0; j < span; ++j) each[j] = FOLD(each[j], each[j + span]);
                s = FOLD(s, each[0]);
            }
#endif
            for (; k < stop; ++k) {
                const ACC v = (ACC)x[run + k * (S_R)];
                s = FOLD(s, v);
            }
        }
        STORE(i, s);
    }
}

#if VECTOR
#define COLUMNS 256
// Folds W vectors of neighbouring columns over rows [begin, end); the accumulators stay in registers.
#define FOLD_COLUMNS(W)                                              \
    V s[W];                                                          \
    _Pragma("unroll") for (int j = 0; j < W; ++j) s[j] = (V)((ACC)(FIRST)); \
    for (i64 r = begin; r < end; ++r) {                              \
        REDUCED_OFFSET(p, r)                                         \
        _Pragma("unroll") for (int j = 0; j < W; ++j) {              \
            const V v = vload16(j, x + start + p);                   \
            s[j] = FOLD_V(s[j], v);                                  \
        }                                                            \
    }                                                                \
    for (int j = 0; j < W; ++j) {                                    \
        ACC each[LANES];                                              \
        vstore16(s[j], 0, each);                                     \
        for (int e = 0; e < LANES; ++e) STORE((m + j * LANES + e) * parts + part, each[e]); \
    }

__kernel void fold_columns(__global const TX *x, const i64 x_at, __global TO *y, const i64 kept,
                           const i64 reduced, const i64 parts, const i64 divisor,
                           const Folding at) {
    x += x_at;
    const i64 inner = at.kept_shape[NKEPT - 1];
    const i64 blocks = (inner + COLUMNS - 1) / COLUMNS;
    const i64 jobs = kept / inner * blocks * parts;
    const i64 last = jobs * ((i64)get_global_id(0) + 1) / (i64)get_global_size(0);
    for (i64 job = jobs * (i64)get_global_id(0) / (i64)get_global_size(0); job < last; ++job) {
        const i64 part = job % parts, block = job / parts % blocks, outer = job / parts / blocks;
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
            for (i64 r = begin; r < end; ++r) {
                REDUCED_OFFSET(p, r)
                const ACC v = (ACC)x[start + p];
                s = FOLD(s, v);
            }
            STORE(m * parts + part, s);
        }
    }
}
#endif
#else

__kernel void find(__global const TX *x, const i64 x_at, __global TO *y, const i64 kept,
                   const i64 reduced, const Folding at) {
    x += x_at;
    FOR_EACH(m, kept) {
        KEPT_OFFSET(start, m)
        ACC best = (ACC)x[start];
        i64 place = 0;
        for (i64 r = 1; r < reduced; ++r) {
            REDUCED_OFFSET(p, r)
            const ACC v = (ACC)x[start + p];
            if (FOUND(best, v)) best = v, place = r;
        }
        y[m] = (TO)place;
    }
}
#endif
