// Numbers made on the device, contiguous: ramps and bands.
//
//   T          the element type
//   CT         the type that `ramp` computes in: i64 for integers, double for floats where the
//              device has it, else float
// ramp: y[i] = start + i * increment, and the last element is `last` where `closed` is 1.
// band: y[i, j] = 1 where low <= j - i <= high, else 0 (rows of `cols` elements).
// Grid: one dimension, FOR_EACH over y. Limits: integers wrap at 64 bits.
//
// variants: T=float,CT=float; T=i32,CT=i64; T=float,CT=double; T=u8,CT=i64

__kernel void ramp(__global T *y, const i64 n, const CT start, const CT increment, const CT last,
                   const i32 closed) {
    FOR_EACH(i, n) { y[i] = (T)(closed && i == n - 1 ? last : start + (CT)i * increment); }
}

__kernel void band(__global T *y, const i64 n, const i64 cols, const i64 low, const i64 high) {
    FOR_EACH(i, n) {
        const i64 apart = i % cols - i / cols;
        y[i] = (T)(low <= apart && apart <= high);
    }
}
