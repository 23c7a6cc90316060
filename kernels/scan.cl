// y = running sums or products of x along one axis, for views of any strides.
//
// x is read as lines: m counts them in row-major order of all other axes, and k the elements of a
// line. y is contiguous; inner is the distance of neighbours along its axis (the product of the
// axes behind it). A line is cut in `parts` equal parts: where there are several, scan_totals first
// folds each part, scan_starts turns the totals into what precedes each part, and scan_parts runs
// through the parts. The order of all additions depends on shapes alone.
//
//   SCAN       scan_sum or scan_prod
//   EXACT      1 for sums of floats: what an addition rounds away is added up beside the sum
//   TX ACC TO   element types of x, of the accumulator, of y
//   FIRST      what a line starts with, a literal
//   NLINES     axes of the lines left after the host joined what can be joined (at most 8)
//   INITIAL    1 writes FIRST in front of each line: lines of y are then one element longer
// Grid: one dimension. scan_totals and scan_parts: FOR_EACH over (m, part); scan_starts: over m.
// Limits: 8 axes of lines.
//
// variants: SCAN=scan_sum,EXACT=1,TX=float,ACC=float,TO=float,FIRST=0,NLINES=2,INITIAL=0
// variants: SCAN=scan_prod,EXACT=0,TX=i8,ACC=u64,TO=i64,FIRST=1,NLINES=1,INITIAL=1

typedef struct {
    i64 shape[8], steps[8];
} Lines;

#define scan_sum(s, x) ((s) + (x))
#define scan_prod(s, x) ((s) * (x))

// A sum s and what its additions rounded away, e (see reduce.cl).
#if EXACT
#define LOST(e) ACC e = (ACC)0;
#define INTO(s, e, x)                                                \
    {                                                                \
        const ACC t_ = (s) + (x), b_ = t_ - (s);                     \
        (e) += ((s) - (t_ - b_)) + ((x) - b_);                       \
        (s) = t_;                                                    \
    }
#define TOTAL(s, e) ((e) - (e) == 0 ? (s) + (e) : (s))
#else
#define LOST(e)
#define INTO(s, e, x) (s) = (ACC)SCAN(s, x);
#define TOTAL(s, e) (s)
#endif

#define LINE_OFFSET(p, m)                                            \
    i64 p = 0;                                                       \
    {                                                                \
        i64 rest = (m);                                              \
        for (int d = NLINES - 1; d >= 0; --d) {                      \
            p += rest % at.shape[d] * at.steps[d];                   \
            rest /= at.shape[d];                                     \
        }                                                            \
    }

__kernel void scan_totals(__global const TX *x, const i64 x_at, __global ACC *totals,
                          const i64 lines, const i64 extent, const i64 x_step, const i64 parts,
                          const Lines at) {
    x += x_at;
    FOR_EACH(i, lines * parts) {
        LINE_OFFSET(start, i / parts)
        const i64 part = i % parts, end = extent * (part + 1) / parts;
        ACC s = (ACC)(FIRST);
        LOST(e)
        for (i64 k = extent * part / parts; k < end; ++k) {
            const ACC v = (ACC)x[start + k * x_step];
            INTO(s, e, v)
        }
        totals[i] = TOTAL(s, e);
    }
}

__kernel void scan_starts(__global ACC *totals, const i64 lines, const i64 parts) {
    FOR_EACH(m, lines) {
        ACC s = (ACC)(FIRST);
        LOST(e)
        for (i64 part = 0; part < parts; ++part) {
            const ACC total = totals[m * parts + part];
            totals[m * parts + part] = TOTAL(s, e);
            INTO(s, e, total)
        }
    }
}

__kernel void scan_parts(__global const TX *x, const i64 x_at, __global const ACC *starts,
                         __global TO *y, const i64 lines, const i64 extent, const i64 x_step,
                         const i64 parts, const i64 inner, const Lines at) {
    x += x_at;
    FOR_EACH(i, lines * parts) {
        const i64 m = i / parts, part = i % parts, end = extent * (part + 1) / parts;
        LINE_OFFSET(start, m)
        const i64 out = m / inner * inner * (extent + INITIAL) + m % inner;
        ACC s = parts > 1 ? starts[i] : (ACC)(FIRST);
        LOST(e)
        if (INITIAL && part == 0) y[out] = (TO)s;
        for (i64 k = extent * part / parts; k < end; ++k) {
            const ACC v = (ACC)x[start + k * x_step];
            INTO(s, e, v)
            y[out + (k + INITIAL) * inner] = (TO)TOTAL(s, e);
        }
    }
}
