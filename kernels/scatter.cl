// y[o, index[i], c] += values[o, i, c], for all i in ascending order: the same bits each time, and
// no two work-items write to one place, so no atomic additions.
//
// y is (outer, rows, cols), values are (outer, n, cols), index is (n,); all contiguous. An index
// from -rows counts from the end; one outside [-rows, rows) adds nothing.
//
//   T          the element type; for integers an unsigned one, so that sums wrap
//   I          the type of the index
// A job is a block of rows of one outer part, on GPUs of one column; it goes through all of index
// and takes what falls into its rows. Grid: one dimension, FOR_EACH over the jobs.
//
// variants: T=float,I=i64; T=u32,I=i32; T=double,I=u8

#if CPU
#define ACROSS 1
#else
#define ACROSS cols
#endif

__kernel void scatter_rows(__global T *y, __global const I *index, const i64 index_at,
                           __global const T *values, const i64 values_at, const i64 outer,
                           const i64 rows, const i64 cols, const i64 n, const i64 blocks) {
    index += index_at, values += values_at;
    FOR_EACH(job, outer * blocks * ACROSS) {
        const i64 from = job % ACROSS, block = job / ACROSS % blocks, o = job / ACROSS / blocks;
        const i64 first = rows * block / blocks, end = rows * (block + 1) / blocks;
        for (i64 i = 0; i < n; ++i) {
            const i64 given = (i64)index[i];
            const i64 row = given < 0 ? given + rows : given;
            if (row < first || row >= end) continue;
            __global T *to = y + (o * rows + row) * cols;
            __global const T *what = values + (o * n + i) * cols;
            for (i64 c = from; c < cols; c += ACROSS) to[c] += what[c];
        }
    }
}
