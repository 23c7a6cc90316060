// C = A B (+ bias): for each batch, A is (m, k), B is (k, n), C is (m, n) and contiguous.
//
// A is read through any strides (a_row, a_col), so a transposed A costs no copy. `cpu_product`
// needs B's rows contiguous (b_col = 1); the host copies B if they are not. `gpu_product` takes B
// through any strides. Batches lie a_batch, b_batch and m n elements apart; a batch stride of 0
// repeats a matrix. BIAS=1 adds bias[j] to column j. Sums are in `real`; k in ascending order.
//
// cpu_product: a work-item owns a tile of ROWS x (VECTORS * 16) elements of C after another and
//   keeps it in registers: for each k it loads VECTORS vectors of B and ROWS single elements of A.
//   Tiles go column panel by column panel, so that a panel of B stays in the cache. The last rows
//   and columns have code of their own. Grid: one dimension, FOR_EACH over tiles.
// cpu_dots: A's rows and B's columns are runs of memory; see there.
// gpu_product: a group of TILE x TILE work-items computes a square of C of TILE * PER_ITEM, step by
//   step of TILE along k, through local memory. Grid: (columns, rows, batches).
// whole_product: integers (WHOLE is an unsigned type, so that overflow wraps), any strides.
//   Grid: one dimension, FOR_EACH over the elements of C.
// Limits: elements of one matrix below 2^63.
//
// variants: real=float,BIAS=0; real=double,BIAS=0; real=float,BIAS=1; WHOLE=u32

#ifndef CPU
#define CPU 0
#endif

#ifdef WHOLE
__kernel void whole_product(__global const WHOLE *a, const i64 a_at, const i64 a_batch,
                            const i64 a_row, const i64 a_col, __global const WHOLE *b,
                            const i64 b_at, const i64 b_batch, const i64 b_row, const i64 b_col,
                            __global WHOLE *c, const i64 batches, const i64 m, const i64 n,
                            const i64 k) {
    a += a_at, b += b_at;
    FOR_EACH(i, batches * m * n) {
        const i64 from_a = i / (m * n) * a_batch + i / n % m * a_row;
        const i64 from_b = i / (m * n) * b_batch + i % n * b_col;
        WHOLE sum = 0;
        for (i64 p = 0; p < k; ++p) sum += a[from_a + p * a_col] * b[from_b + p * b_row];
        c[i] = sum;
    }
}
#elif CPU
#define LANES 16
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define V PASTE(real, 16)
#define ROWS 6
#define VECTORS 4
#define WIDTH (VECTORS * LANES)

#define START(j) (BIAS ? bias[j] : (real)0)
#define START_V(j) (BIAS ? vload16(0, bias + (j)) : (V)(0))

// One tile of R rows and W vectors, all sums in registers.
#define TILE_PRODUCT(R, W)                                                       \
    {                                                                            \
        V sum[R][W];                                                             \
        _Pragma("unroll") for (int r = 0; r < R; ++r)                            \
            _Pragma("unroll") for (int w = 0; w < W; ++w)                        \
                sum[r][w] = START_V(j + w * LANES);                              \
        for (i64 p = 0; p < k; ++p) {                                            \
            V row[W];                                                            \
            _Pragma("unroll") for (int w = 0; w < W; ++w)                        \
                row[w] = vload16(w, b + p * b_row + j);                          \
            _Pragma("unroll") for (int r = 0; r < R; ++r) {                      \
                const V one = (V)(a[(i + r) * a_row + p * a_col]);               \
                _Pragma("unroll") for (int w = 0; w < W; ++w)                    \
                    sum[r][w] = mad(one, row[w], sum[r][w]);                     \
            }                                                                    \
        }                                                                        \
        _Pragma("unroll") for (int r = 0; r < R; ++r)                            \
            _Pragma("unroll") for (int w = 0; w < W; ++w)                        \
                vstore16(sum[r][w], w, c + (i + r) * n + j);                     \
    }

// The last columns, fewer than a vector: whole vectors are read (and what lies behind a row's end is
// dropped) as long as they end inside B, then single elements.
#define TAIL_PRODUCT(R)                                                          \
    {                                                                            \
        V sum[R];                                                                \
        real lane[LANES];                                                        \
        for (int w = 0; w < LANES; ++w) lane[w] = w < end - j ? START(j + w) : (real)0; \
        _Pragma("unroll") for (int r = 0; r < R; ++r) sum[r] = vload16(0, lane); \
        for (i64 p = 0; p < k; ++p) {                                            \
            V row;                                                               \
            if (p < whole) {                                                     \
                row = vload16(0, b + p * b_row + j);                             \
            } else {                                                             \
                for (int w = 0; w < LANES; ++w)                                  \
                    lane[w] = w < end - j ? b[p * b_row + j + w] : (real)0;      \
                row = vload16(0, lane);                                          \
            }                                                                    \
            _Pragma("unroll") for (int r = 0; r < R; ++r)                        \
                sum[r] = mad((V)(a[(i + r) * a_row + p * a_col]), row, sum[r]);  \
        }                                                                        \
        _Pragma("unroll") for (int r = 0; r < R; ++r) {                          \
            vstore16(sum[r], 0, lane);                                           \
            for (int w = 0; w < end - j; ++w) c[(i + r) * n + j + w] = lane[w];  \
        }                                                                        \
    }

// All rows of one column panel of W vectors.
#define PANEL(W)                                                                 \
    {                                                                            \
        i64 i = first;                                                           \
        for (; i + ROWS <= stop; i += ROWS) TILE_PRODUCT(ROWS, W)                \
        for (; i < stop; ++i) TILE_PRODUCT(1, W)                                 \
    }

__kernel void cpu_product(__global const real *a, const i64 a_at, const i64 a_batch,
                          const i64 a_row, const i64 a_col, __global const real *b, const i64 b_at,
                          const i64 b_batch, const i64 b_row, __global const real *bias,
                          const i64 bias_at, __global real *c, const i64 batches, const i64 m,
                          const i64 n, const i64 k, const i64 row_jobs) {
    a += a_at, b += b_at, bias += bias_at;
    __global const real *first_a = a, *first_b = b;
    __global real *first_c = c;
    const i64 panels = (n + WIDTH - 1) / WIDTH;
    const i64 jobs = batches * panels * row_jobs;
    const i64 last = jobs * ((i64)get_global_id(0) + 1) / (i64)get_global_size(0);
    for (i64 job = jobs * (i64)get_global_id(0) / (i64)get_global_size(0); job < last; ++job) {
        const i64 batch = job / (panels * row_jobs), part = job % row_jobs;
        a = first_a + batch * a_batch, b = first_b + batch * b_batch, c = first_c + batch * m * n;
        // Parts of the rows are whole tiles, so that no part has a tail but the last.
        const i64 tiles = (m + ROWS - 1) / ROWS;
        const i64 first = tiles * part / row_jobs * ROWS;
        const i64 stop = min(m, tiles * (part + 1) / row_jobs * ROWS);
        i64 j = job / row_jobs % panels * WIDTH;
        const i64 end = min(n, j + WIDTH);
        if (j + WIDTH <= end) {
            PANEL(VECTORS)
            continue;
        }
        for (; j + LANES <= end; j += LANES) PANEL(1)
        if (j < end) {
            const i64 room = (k - 1) * b_row + n - j - LANES;
            const i64 whole = room < 0 || b_row <= 0 ? 0 : min(k, room / b_row + 1);
            i64 i = first;
            for (; i + ROWS <= stop; i += ROWS) TAIL_PRODUCT(ROWS)
            for (; i < stop; ++i) TAIL_PRODUCT(1)
        }
    }
}

// One tile of R x S elements of C, each a dot product of two runs of memory.
#define DOT_ROWS 4
#define DOT_COLUMNS 4
#define TILE_DOTS(R, S)                                                          \
    {                                                                            \
        V sum[R][S];                                                             \
        _Pragma("unroll") for (int r = 0; r < R; ++r)                            \
            _Pragma("unroll") for (int s = 0; s < S; ++s) sum[r][s] = (V)(0);    \
        i64 p = 0;                                                               \
        for (; p + LANES <= k; p += LANES) {                                     \
            V column[S];                                                         \
            _Pragma("unroll") for (int s = 0; s < S; ++s)                        \
                column[s] = vload16(0, b + (j + s) * b_col + p);                 \
            _Pragma("unroll") for (int r = 0; r < R; ++r) {                      \
                const V row = vload16(0, a + (i + r) * a_row + p);               \
                _Pragma("unroll") for (int s = 0; s < S; ++s)                    \
                    sum[r][s] = mad(row, column[s], sum[r][s]);                  \
            }                                                                    \
        }                                                                        \
        for (int r = 0; r < R; ++r)                                              \
            for (int s = 0; s < S; ++s) {                                        \
                real lane[LANES];                                                \
                vstore16(sum[r][s], 0, lane);                                    \
                real total = START(j + s);                                       \
                for (i64 q = p; q < k; ++q)                                      \
                    total = mad(a[(i + r) * a_row + q], b[(j + s) * b_col + q], total); \
                for (int span = LANES / 2; span > 0; span /= 2)                  \
                    for (int w = 0; w < span; ++w) lane[w] += lane[w + span];    \
                c[(i + r) * n + j + s] = total + lane[0];                        \
            }                                                                    \
    }

// The product where A's rows and B's columns are runs of memory (a_col = 1, b_row = 1), as in
// x W^T: nothing is packed or copied. Grid: one dimension, chunks of the tiles.
__kernel void cpu_dots(__global const real *a, const i64 a_at, const i64 a_batch, const i64 a_row,
                       __global const real *b, const i64 b_at, const i64 b_batch, const i64 b_col,
                       __global const real *bias, const i64 bias_at, __global real *c,
                       const i64 batches, const i64 m, const i64 n, const i64 k) {
    a += a_at, b += b_at, bias += bias_at;
    __global const real *first_a = a, *first_b = b;
    __global real *first_c = c;
    const i64 down = (m + DOT_ROWS - 1) / DOT_ROWS, across = (n + DOT_COLUMNS - 1) / DOT_COLUMNS;
    const i64 jobs = batches * down * across;
    const i64 last = jobs * ((i64)get_global_id(0) + 1) / (i64)get_global_size(0);
    for (i64 job = jobs * (i64)get_global_id(0) / (i64)get_global_size(0); job < last; ++job) {
        const i64 batch = job / (down * across);
        a = first_a + batch * a_batch, b = first_b + batch * b_batch, c = first_c + batch * m * n;
        i64 i = job / across % down * DOT_ROWS, j = job % across * DOT_COLUMNS;
        if (i + DOT_ROWS <= m && j + DOT_COLUMNS <= n) {
            TILE_DOTS(DOT_ROWS, DOT_COLUMNS)
            continue;
        }
        const i64 i_end = min(m, i + DOT_ROWS), j_end = min(n, j + DOT_COLUMNS);
        for (; i < i_end; ++i)
            for (j = job % across * DOT_COLUMNS; j < j_end; ++j) TILE_DOTS(1, 1)
    }
}

#else
#ifndef TILE
#define TILE 16
#endif
#ifndef PER_ITEM
#define PER_ITEM 4
#endif
#define SIDE (TILE * PER_ITEM)

__kernel WORK_GROUP(TILE, TILE, 1) void gpu_product(
    __global const real *a, const i64 a_at, const i64 a_batch, const i64 a_row, const i64 a_col,
    __global const real *b, const i64 b_at, const i64 b_batch, const i64 b_row, const i64 b_col,
    __global const real *bias, const i64 bias_at, __global real *c, const i64 m, const i64 n,
    const i64 k) {
    __local real a_tile[TILE][SIDE + 1]; // + 1: neighbours fall into different banks
    __local real b_tile[TILE][SIDE + 1];
    const int x = (int)get_local_id(0), y = (int)get_local_id(1);
    const int me = y * TILE + x;
    const i64 left = (i64)get_group_id(0) * SIDE, top = (i64)get_group_id(1) * SIDE;
    const i64 batch = (i64)get_group_id(2);
    a += a_at + batch * a_batch, b += b_at + batch * b_batch, bias += bias_at;
    c += batch * m * n;
    real sum[PER_ITEM][PER_ITEM];
    for (int r = 0; r < PER_ITEM; ++r)
        for (int s = 0; s < PER_ITEM; ++s) sum[r][s] = (real)0;
    for (i64 from = 0; from < k; from += TILE) {
        for (int e = me; e < TILE * SIDE; e += TILE * TILE) {
            // Neighbouring items read neighbouring elements, whichever way the matrix lies.
            const int ap = a_col == 1 ? e % TILE : e / SIDE, ai = a_col == 1 ? e / TILE : e % SIDE;
            const int bp = b_col == 1 ? e / SIDE : e % TILE, bj = b_col == 1 ? e % SIDE : e / TILE;
            a_tile[ap][ai] = top + ai < m && from + ap < k
                                 ? a[(top + ai) * a_row + (from + ap) * a_col] : (real)0;
            b_tile[bp][bj] = left + bj < n && from + bp < k
                                 ? b[(from + bp) * b_row + (left + bj) * b_col] : (real)0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int p = 0; p < TILE; ++p)
            for (int r = 0; r < PER_ITEM; ++r)
                for (int s = 0; s < PER_ITEM; ++s)
                    sum[r][s] = mad(a_tile[p][y + r * TILE], b_tile[p][x + s * TILE], sum[r][s]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int r = 0; r < PER_ITEM; ++r)
        for (int s = 0; s < PER_ITEM; ++s) {
            const i64 i = top + y + r * TILE, j = left + x + s * TILE;
            if (i < m && j < n) c[i * n + j] = sum[r][s] + (BIAS ? bias[j] : (real)0);
        }
}
#endif
