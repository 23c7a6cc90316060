// Elements picked and placed by index arrays and masks. Elements are moved, never computed with, so
// T is the unsigned integer of their size.
//
//   positions   y[i] = stride * wrapped(at[i])         index values as distances in memory
//   gather      y[i] = x[kept(i) + at[i]]              at: what `positions` or `unravel` wrote
//   scatter     x[kept(i) + at[i]] = y[i]              of equal positions, any one value stays
//   count       y[b] = set elements in block b of the mask `at`
//   compact     y[edges[b] + j] = row-major position of the j-th set element in block b
//   unravel     y[i] = sum over d of x_d * (coordinate d of the row-major position at[i])
//
// An index below 0 counts from the end, and one outside the axis is taken as the nearest inside: no
// kernel reads or writes outside of its arrays, whatever the indices hold.
// Layout: NDIM axes (1, 2, 4 or 8; those too many have length 1) of i's array, with the strides in it
// of x, at and y (Places). ROWS is 1 where whole rows are moved: their last strides are 1, 0 and 1.
// Grid: one dimension; on a CPU chunks, walked row by row, elsewhere a grid-stride loop.
//
// variants: T=u32,TI=i64,NDIM=2,ROWS=1; T=u8,TI=u8,NDIM=4,ROWS=0; T=u64,TI=i32,NDIM=1,ROWS=0

typedef struct {
    i64 shape[8], x[8], at[8], y[8];
} Places;

#if ROWS
#define S_X 1
#define S_AT 0
#define S_Y 1
#else
#define S_X places.x[NDIM - 1]
#define S_AT places.at[NDIM - 1]
#define S_Y places.y[NDIM - 1]
#endif
#define BLOCK 4096

// The offsets of row number `row` of i's array; the last axis is left to the caller.
#define LOCATE(row)                                                           \
    i64 px = 0, pa = 0, py = 0, left = (row);                                 \
    for (int d = NDIM - 2; d >= 0; --d) {                                     \
        const i64 c = left % places.shape[d];                                 \
        left /= places.shape[d];                                              \
        px += c * places.x[d], pa += c * places.at[d], py += c * places.y[d]; \
    }

// BODY works on element k of the row at px, pa and py.
#if CPU
#define WALK(BODY)                                                            \
    const i64 inner = NDIM == 1 ? n : places.shape[NDIM - 1];                 \
    const i64 last = CHUNK_END(n);                                            \
    for (i64 i = CHUNK_START(n); i < last;) {                                 \
        LOCATE(i / inner)                                                     \
        i64 k = i % inner;                                                    \
        const i64 stop = min(inner, k + last - i);                            \
        i += stop - k;                                                        \
        for (; k < stop; ++k) { BODY }                                        \
    }
#else
#define WALK(BODY)                                                            \
    const i64 inner = NDIM == 1 ? n : places.shape[NDIM - 1];                 \
    FOR_EACH(i, n) {                                                          \
        LOCATE(i / inner)                                                     \
        const i64 k = i % inner;                                              \
        BODY                                                                  \
    }
#endif

__kernel void positions(__global const TI *at, const i64 at_at, __global i64 *y, const i64 y_at,
                        const i64 n, const i64 extent, const i64 stride, const Places places) {
    at += at_at, y += y_at;
    WALK(i64 j = (i64)at[pa + k * S_AT];
         j = j < 0 ? j + extent : j;
         j = j < 0 ? 0 : j < extent ? j : extent - 1;
         y[py + k * S_Y] = stride * j;)
}

__kernel void gather(__global const T *restrict x, const i64 x_at,
                     __global const i64 *restrict at, const i64 at_at, __global T *restrict y,
                     const i64 y_at, const i64 n, const Places places) {
    x += x_at, at += at_at, y += y_at;
    WALK(y[py + k * S_Y] = x[px + k * S_X + at[pa + k * S_AT]];)
}

__kernel void scatter(__global T *x, const i64 x_at, __global const i64 *at, const i64 at_at,
                      __global const T *y, const i64 y_at, const i64 n, const Places places) {
    x += x_at, at += at_at, y += y_at;
    WALK(x[px + k * S_X + at[pa + k * S_AT]] = y[py + k * S_Y];)
}

// The byte of a mask at row-major position i.
#if NDIM == 1
#define MASK_AT(i, value) const u8 value = at[(i) * S_AT];
#else
#define MASK_AT(i, value)                                                     \
    LOCATE((i) / places.shape[NDIM - 1])                                      \
    const u8 value = at[pa + (i) % places.shape[NDIM - 1] * S_AT];          \
    (void)px, (void)py;
#endif

__kernel void count(__global const u8 *at, const i64 at_at, __global i64 *y, const i64 y_at,
                    const i64 n, const i64 blocks, const Places places) {
    at += at_at, y += y_at;
    FOR_EACH(b, blocks) {
        i64 found = 0;
        const i64 end = (b + 1) * BLOCK < n ? (b + 1) * BLOCK : n;
        for (i64 i = b * BLOCK; i < end; ++i) {
            MASK_AT(i, value)
            found += value != 0;
        }
        y[b] = found;
    }
}

// The positions of a block's set elements, from edges[b] to edges[b + 1] of y. Each position is
// written, and the next one over it unless its element is set: a branch would be guessed wrong for
// every other element. What stands last is the last one set, so nothing is written behind it.
__kernel void compact(__global const u8 *at, const i64 at_at, __global const i64 *edges,
                      const i64 edges_at, __global i64 *y, const i64 y_at, const i64 n,
                      const i64 blocks, const Places places) {
    at += at_at, edges += edges_at, y += y_at;
    FOR_EACH(b, blocks) {
        i64 j = edges[b];
        const i64 stop = edges[b + 1];
        for (i64 i = b * BLOCK; j < stop; ++i) {
            MASK_AT(i, value)
            y[j] = i;
            j += value != 0;
        }
    }
}

__kernel void unravel(__global const i64 *at, const i64 at_at, __global i64 *y, const i64 y_at,
                      const i64 n, const Places places) {
    at += at_at, y += y_at;
    FOR_EACH(i, n) {
        i64 left = at[i], sum = 0;
        for (int d = NDIM - 1; d >= 0; --d) {
            sum += left % places.shape[d] * places.x[d];
            left /= places.shape[d];
        }
        y[i] = sum;
    }
}
