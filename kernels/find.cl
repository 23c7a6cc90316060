// y[m] = where among the reduced elements of x the first largest or smallest one stands, for views of
// any strides. The axes come as in reduce.cl. `find` looks in each of `parts` equal parts, `choose`
// among what it found.
//
//   FOUND      one of the found_ macros below: whether x is better than s
//   TX TO      element types of x and of y
//   NKEPT NRED axes in each group (at most 8)
// Grid: one dimension. find: FOR_EACH over (m, part). choose: FOR_EACH over m.
// Limits: 8 axes in each group.
//
// variants: FOUND=found_argmax,TX=i32,TO=i64,NKEPT=1,NRED=1
// variants: FOUND=found_argmin,TX=float,TO=i64,NKEPT=2,NRED=3
#include "folding.h"

#define found_argmax(s, x) ((x) > (s) || ((x) != (x) && (s) == (s)))
#define found_argmin(s, x) ((x) < (s) || ((x) != (x) && (s) == (s)))

// y[m, part]: where among the reduced elements of a part the first best one stands.
__kernel void find(__global const TX *x, const i64 x_at, __global TO *y, const i64 kept,
                   const i64 reduced, const i64 parts, const Folding at) {
    x += x_at;
    FOR_EACH(i, kept * parts) {
        KEPT_OFFSET(start, i / parts)
        const i64 part = i % parts;
        const i64 end = reduced * (part + 1) / parts;
        i64 place = reduced * part / parts;
        REDUCED_OFFSET(from, place)
        TX best = x[start + from];
        for (i64 r = place + 1; r < end; ++r) {
            REDUCED_OFFSET(p, r)
            const TX v = x[start + p];
            if (FOUND(best, v)) best = v, place = r;
        }
        y[i] = (TO)place;
    }
}

// y[m]: the first best of the places that `find` left for the parts.
__kernel void choose(__global const TX *x, const i64 x_at, __global const TO *places,
                     __global TO *y, const i64 kept, const i64 parts, const Folding at) {
    x += x_at;
    FOR_EACH(m, kept) {
        KEPT_OFFSET(start, m)
        i64 place = (i64)places[m * parts];
        REDUCED_OFFSET(from, place)
        TX best = x[start + from];
        for (i64 part = 1; part < parts; ++part) {
            const i64 r = (i64)places[m * parts + part];
            REDUCED_OFFSET(p, r)
            const TX v = x[start + p];
            if (FOUND(best, v)) best = v, place = r;
        }
        y[m] = (TO)place;
    }
}
