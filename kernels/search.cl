// y[i] = the place in sorted numbers at which v[i] keeps them sorted.
//
//   T          the type of both, the numbers and the values
//   RIGHT      0: the first such place, before equal numbers; 1: the last one, behind them
// NaN counts as larger than all numbers. x may have any stride; v and y are contiguous.
// Grid: one dimension, FOR_EACH over v.
//
// variants: T=float,RIGHT=0; T=i64,RIGHT=1

#define BEFORE(a, b) ((a) < (b) || ((b) != (b) && (a) == (a)))

__kernel void search_sorted(__global const T *x, const i64 x_at, const i64 x_step, const i64 extent,
                            __global const T *v, const i64 v_at, __global i64 *y, const i64 n) {
    x += x_at, v += v_at;
    FOR_EACH(i, n) {
        const T value = v[i];
        i64 low = 0, high = extent;
        while (low < high) {
            const i64 middle = low + (high - low) / 2;
            const T found = x[middle * x_step];
            if (RIGHT ? !BEFORE(value, found) : BEFORE(found, value)) low = middle + 1;
            else high = middle;
        }
        y[i] = low;
    }
}
