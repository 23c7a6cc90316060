// C = A B (+ bias) on processors, for large matrices: for each batch, A is (m, k), B is (k, n), C is
// (m, n) and contiguous. Batches lie a_batch, b_batch and m n elements apart; 0 repeats a matrix.
//
// A work-item owns a panel of C, WIDTH = VECTORS * LANES columns wide, and all of its rows or a part
// of them. It copies DEPTH rows of B's panel into local memory, which on a processor is a piece of
// the cache, and runs down the rows of A in tiles of ROWS x WIDTH, whose sums stay in registers: a
// step along k takes VECTORS loads of B, ROWS single elements of A and ROWS * VECTORS fused
// multiply-adds. Further DEPTHs of k are added to what C holds. Sums run over k in ascending order.
//
//   B's rows are runs of memory (b_col = 1) or its columns are (b_row = 1): the panel is copied, or
//   transposed in squares of LANES x LANES by log2(LANES) riffles.
//   A's rows are runs of memory (A_DOWN = 0, a_col = 1), or its columns are (A_DOWN = 1, a_row = 1):
//   then STRIP rows of A are copied as well, because steps of a power of two would meet in few sets
//   of the cache.
//
// Grid: a work-item for each panel of each batch and each of `parts` parts of its rows.
// Limits: 2 m n k operations over the peak of fused multiply-adds; on AVX-512 (LANES 16, 6 rows, 4
// vectors: 24 sums in 32 registers) 95 to 97 % of it were measured for n = 512 and 1024. Packing
// costs about 1 / m of the work, four times that where B is transposed. The local memory holds
// DEPTH * (WIDTH + STRIP) elements. A, B and C have less than 2^63 elements, a matrix's k below 2^31.
//
// variants: real=float,CPU=1,LANES=16,A_DOWN=0; real=double,CPU=1,LANES=8,A_DOWN=1

#if CPU
#ifndef ROWS
#define ROWS 6
#endif
#ifndef VECTORS
#define VECTORS 4
#endif
#ifndef DEPTH
#define DEPTH 256
#endif
#define WIDTH (VECTORS * LANES)
#define STRIP 48

#define V JOIN(real, LANES)
#define LOAD(i, x) JOIN(vload, LANES)(i, x)
#define STORE(v, i, x) JOIN(vstore, LANES)(v, i, x)
#define UNROLL _Pragma("unroll")

// The first `count` lanes at x, and 0.
static inline V some_of(__global const real *x, i64 count) {
    real lanes[LANES];
    for (int w = 0; w < LANES; ++w) lanes[w] = w < count ? x[w] : (real)0;
    return LOAD(0, lanes);
}
static inline void put_some(V v, __global real *x, i64 count) {
    real lanes[LANES];
    STORE(v, 0, lanes);
    for (int w = 0; w < LANES && w < count; ++w) x[w] = lanes[w];
}

// Vector w of a row of the panel; `columns` of the panel exist.
#define WHOLE(W, w) ((w) + 1 < W || columns >= W * LANES)
#define REST(w) columns - (w) * LANES
#define GET(W, w, x) (WHOLE(W, w) ? LOAD(w, x) : some_of((x) + (w) * LANES, REST(w)))
#define PUT(W, v, w, x)                                                           \
    if (WHOLE(W, w)) STORE(v, w, x);                                              \
    else put_some(v, (x) + (w) * LANES, REST(w));

// R rows by W vectors, from row i. fma() and not mad(), which some drivers make two instructions of.
#define TILE(R, W)                                                                \
    {                                                                             \
        V sum[R][W];                                                              \
        __global real *to = c + i * n + j;                                        \
        UNROLL for (int r = 0; r < R; ++r) UNROLL for (int w = 0; w < W; ++w)     \
            sum[r][w] = from ? GET(W, w, to + r * n) : start[w];                  \
        A_SPACE const real *one = A_TILE(i);                                      \
        LOCAL_PTR const real *row = panel;                                        \
        for (int p = 0; p < depth; ++p, row += WIDTH) {                           \
            V vectors[W];                                                         \
            UNROLL for (int w = 0; w < W; ++w) vectors[w] = LOAD(w, row);         \
            UNROLL for (int r = 0; r < R; ++r) {                                  \
                const V e = (V)(one[A_AT(r, p)]);                                 \
                UNROLL for (int w = 0; w < W; ++w)                                \
                    sum[r][w] = fma(e, vectors[w], sum[r][w]);                    \
            }                                                                     \
        }                                                                         \
        UNROLL for (int r = 0; r < R; ++r) UNROLL for (int w = 0; w < W; ++w) {   \
            PUT(W, sum[r][w], w, to + r * n)                                      \
        }                                                                         \
    }

#define ROW_TILES(W)                                                              \
    {                                                                             \
        for (; i + ROWS <= until; i += ROWS) TILE(ROWS, W)                        \
        for (; i + 3 <= until; i += 3) TILE(3, W)                                 \
        for (; i < until; ++i) TILE(1, W)                                         \
    }
#define LESS(W)                                                                   \
    case W: ROW_TILES(W) break;
#if VECTORS == 4
#define PARTIAL LESS(1) LESS(2) LESS(3)
#elif VECTORS == 3
#define PARTIAL LESS(1) LESS(2)
#else
#define PARTIAL LESS(1)
#endif
#define ALL_ROWS                                                                  \
    switch ((columns + LANES - 1) / LANES) { PARTIAL default: ROW_TILES(VECTORS) }

static inline void pack_rows(LOCAL_PTR real *panel, __global const real *b, i64 b_row, i64 columns,
                             int depth) {
    for (int p = 0; p < depth; ++p, b += b_row, panel += WIDTH)
        if (columns >= WIDTH) {
            UNROLL for (int w = 0; w < VECTORS; ++w) STORE(LOAD(w, b), w, panel);
        } else {
            for (int w = 0; w < WIDTH; ++w) panel[w] = w < columns ? b[w] : (real)0;
        }
}

#include "transpose.h"

static inline void pack_columns(LOCAL_PTR real *panel, __global const real *b, i64 b_col,
                                i64 columns, int depth) {
    for (int w = 0; w < WIDTH; w += LANES, columns -= LANES, b += LANES * b_col) {
        int p = 0;
        for (; p + LANES <= depth && columns >= LANES; p += LANES) {
            V x[LANES], y[LANES];
            UNROLL for (int h = 0; h < LANES; ++h) x[h] = LOAD(0, b + h * b_col + p);
            TRANSPOSE(x, y)
            UNROLL for (int h = 0; h < LANES; ++h)
                STORE(TRANSPOSED[h], 0, panel + (p + h) * WIDTH + w);
        }
        for (; p < depth; ++p)
            for (int h = 0; h < LANES; ++h)
                panel[p * WIDTH + w + h] = h < columns ? b[h * b_col + p] : (real)0;
    }
}

// strip[p][0 .. rows) = A^T[p][0 .. rows)
static inline void pack_strip(LOCAL_PTR real *strip, __global const real *a, i64 a_col, i64 rows,
                              int depth) {
    for (int p = 0; p < depth; ++p, a += a_col, strip += STRIP)
        if (rows >= STRIP) {
            UNROLL for (int w = 0; w < STRIP / LANES; ++w) STORE(LOAD(w, a), w, strip);
        } else {
            for (int r = 0; r < rows; ++r) strip[r] = a[r];
        }
}

#if A_DOWN
#define A_SPACE LOCAL_PTR
#define A_TILE(i) (strip + (i) - top)
#define A_AT(r, p) (p) * STRIP + (r)
#else
#define A_SPACE __global
#define A_TILE(i) (a + (i) * a_row + from)
#define A_AT(r, p) (r) * a_row + (p)
#endif

__kernel WORK_GROUP(1, 1, 1) void packed_product(
    __global const real *a, const i64 a_at, const i64 a_batch, const i64 a_row, const i64 a_col,
    __global const real *b, const i64 b_at, const i64 b_batch, const i64 b_row, const i64 b_col,
    __global const real *bias, const i64 bias_at, const i64 has_bias, __global real *c,
    const i64 m, const i64 n, const i64 k, const i64 parts) {
    __local real panel[DEPTH * WIDTH] __attribute__((aligned(64)));
#if A_DOWN
    __local real strip[DEPTH * STRIP] __attribute__((aligned(64)));
#endif
    const i64 panels = (n + WIDTH - 1) / WIDTH, job = (i64)get_group_id(0);
    const i64 batch = job / (panels * parts), part = job % parts, j = job / parts % panels * WIDTH;
    const i64 columns = min(n - j, (i64)WIDTH);
    a += a_at + batch * a_batch, b += b_at + batch * b_batch, c += batch * m * n, bias += bias_at;
    // Parts are whole tiles, so that only the last has a tail.
    const i64 tiles = (m + ROWS - 1) / ROWS;
    const i64 first = tiles * part / parts * ROWS, stop = min(m, tiles * (part + 1) / parts * ROWS);
    V start[VECTORS];
    for (int w = 0; w < VECTORS; ++w)
        start[w] = has_bias ? some_of(bias + j + w * LANES, columns - w * LANES) : (V)(0);
    const i64 blocks = (k + DEPTH - 1) / DEPTH;
    for (i64 block = 0; block < blocks; ++block) {
        const i64 from = k * block / blocks;
        const int depth = (int)(k * (block + 1) / blocks - from);
        if (b_col == 1) pack_rows(panel, b + from * b_row + j, b_row, columns, depth);
        else pack_columns(panel, b + j * b_col + from, b_col, columns, depth);
#if A_DOWN
        for (i64 top = first; top < stop; top += STRIP) {
            const i64 until = min(stop, top + STRIP);
            pack_strip(strip, a + top + from * a_col, a_col, until - top, depth);
            i64 i = top;
            ALL_ROWS
        }
#else
        const i64 until = stop;
        i64 i = first;
        ALL_ROWS
#endif
    }
}
#endif
