// Convolutions of stride 1 on processors with 16 multiplications instead of 36 for four pixels.
//
//   Y = A^T [sum_k (G taps_k G^T) * (B^T d_k B)] A     for each square Y of 2 x 2 pixels
//
// where d_k is the square of 4 x 4 that Y's windows cover in channel k, and * goes element by element:
//
//   B^T d   d0 - d2, d1 + d2, d2 - d1, d1 - d3           G t   t0, (t0 + t1 + t2)/2, (t0 - t1 + t2)/2, t2
//   A^T m   m0 + m1 + m2, m1 - m2 - m3                   and its transpose A y   y0, y0 + y1, y0 - y1, -y1
//
// Lavin and Gray 2015, "Fast algorithms for convolutional neural networks", arXiv 1509.09308, F(2x2,
// 3x3): only sums and halves, so errors are those of the plain sums. For each of the 16 elements f the
// sum over k is a product of matrices: (squares, k) by (k, channels), with channels in lanes as in
// conv.cl. A kernel larger than 3 x 3 is cut into pieces of 3 x 3, filled up with 0, which count as
// further k: k = (piece, channel), depth in all. Where a piece lacks its third row or column, the
// elements f of the fourth are 0 and left out: 49 multiplications instead of 100 for 5 x 5.
//
//   partial[f, k, o] = sum over squares of (B^T d_k B)[f] (A g A^T)[f, o], and the sums of g
//
// gives the weight's gradient as G^T partial G.
//
// Layout: taps (blocks, 16, depth, WIDTH); partial (items, blocks, 16 depth + 1, WIDTH), the rest as
// in conv.cl. In scratch an item has: a frame; `seen` (16, depth, line), the transformed squares of
// some rows of squares; `sums` (squares, 16, WIDTH) or (16, squares, WIDTH) with gaps, because steps of
// a power of two would meet in few sets of the cache; and two rows of pixels.
//
// Grid: any number of work-items; each takes a run of the batch * down rows of squares, `chunk` at once.
// Limits: pays where both channel counts fill vectors and the transforms are small beside the product.
//
// variants: real=float,CPU=1,VECTORS=4,PIXELS=7; real=float,CPU=1,VECTORS=2

#if CPU
#define ROWS 6
#define SPOTS 16
#define GAP LANES
#include "conv_frames.h"

typedef struct {
    i64 batch, inputs, outputs, height, width, top, left, tall, wide, out_height, out_width;
    i64 kernel_height, kernel_width, pieces_y, pieces_x; // pieces of 3 x 3
    i64 down, across;                                    // squares of 2 x 2 in an image
    i64 chunk, line, room; // rows of squares at once, the length of a row of `seen`, scratch of an item
} Geometry;

#define SIDES                                                                                 \
    const i64 size = LINES(g.tall * g.wide * g.inputs + 3 * LANES);                           \
    const i64 plane = g.out_height * g.out_width, depth = g.pieces_y * g.pieces_x * g.inputs; \
    const i64 blocks = (g.outputs + WIDTH - 1) / WIDTH, me = (i64)get_global_id(0);           \
    const i64 seen_step = depth * g.line + GAP, items = (i64)get_global_size(0);              \
    const i64 rows = g.batch * g.down, begin = rows * me / items, end = rows * (me + 1) / items; \
    scratch += me * g.room;                                                                   \
    __global real *frame = scratch, *seen = frame + size, *sums = seen + SPOTS * seen_step;   \
    __global real *pixels = sums + SPOTS * (g.line * WIDTH + GAP);                            \
    i64 held = -1;                                                                            \
    for (i64 e = 0; e < size; ++e) frame[e] = 0;

// (B^T d B)[f] of a vector of squares, given d[i][j]; PUT(f, v) takes them.
#define SEE(PUT)                                                                              \
    {                                                                                         \
        V m[4][4];                                                                            \
        UNROLL for (int j = 0; j < 4; ++j) {                                                  \
            m[0][j] = d[0][j] - d[2][j], m[1][j] = d[1][j] + d[2][j];                         \
            m[2][j] = d[2][j] - d[1][j], m[3][j] = d[1][j] - d[3][j];                         \
        }                                                                                     \
        UNROLL for (int i = 0; i < 4; ++i) {                                                  \
            PUT(4 * i, m[i][0] - m[i][2])                                                     \
            PUT(4 * i + 1, m[i][1] + m[i][2])                                                 \
            PUT(4 * i + 2, m[i][2] - m[i][1])                                                 \
            PUT(4 * i + 3, m[i][1] - m[i][3])                                                 \
        }                                                                                     \
    }
#define PUT_WHOLE(f, v) STORE(v, 0, to + (f) * step + t);
#define PUT_EIGHTS(f, v)                                                                      \
    {                                                                                         \
        const V both = v;                                                                     \
        vstore8(both.lo, 0, to + (f) * step);                                                 \
        vstore8(both.hi, 0, to + (f) * step + count);                                         \
    }
#define PUT_FOURS(f, v)                                                                       \
    {                                                                                         \
        const V all = v;                                                                      \
        vstore4(all.lo.lo, 0, to + (f) * step);                                               \
        vstore4(all.lo.hi, 0, to + (f) * step + count);                                       \
        vstore4(all.hi.lo, 0, to + (f) * step + 2 * count);                                   \
        vstore4(all.hi.hi, 0, to + (f) * step + 3 * count);                                   \
    }

// to[f][square] for the squares of one row.
static inline void see_row(__global real *to, i64 step, __global const real *from, i64 wide,
                           i64 count) {
    for (i64 t = 0; t < count; t += LANES, from += 2 * LANES) {
        V d[4][4];
        UNROLL for (int i = 0; i < 4; ++i) {
            const V a = LOAD(0, from + i * wide), b = LOAD(1, from + i * wide);
            const V c = LOAD(0, from + i * wide + 2), e = LOAD(1, from + i * wide + 2);
            d[i][0] = (V)(a.even, b.even), d[i][1] = (V)(a.odd, b.odd);
            d[i][2] = (V)(c.even, e.even), d[i][3] = (V)(c.odd, e.odd);
        }
        SEE(PUT_WHOLE)
    }
}

// The same for two rows of at most 8 squares, side by side in a vector.
static inline void see_two_rows(__global real *to, i64 step, __global const real *from, i64 wide,
                                i64 count) {
    const i64 t = 0;
    V a[6], c[6], d[4][4];
    UNROLL for (int i = 0; i < 6; ++i) a[i] = LOAD(0, from + i * wide);
    UNROLL for (int i = 0; i < 6; ++i) c[i] = LOAD(0, from + i * wide + 2);
    UNROLL for (int i = 0; i < 4; ++i) {
        d[i][0] = (V)(a[i].even, a[i + 2].even), d[i][1] = (V)(a[i].odd, a[i + 2].odd);
        d[i][2] = (V)(c[i].even, c[i + 2].even), d[i][3] = (V)(c[i].odd, c[i + 2].odd);
    }
    if (count == 8) SEE(PUT_WHOLE)
    else SEE(PUT_EIGHTS)
}

// The same for four rows of at most 4 squares.
static inline void see_four_rows(__global real *to, i64 step, __global const real *from, i64 wide,
                                 i64 count) {
    const i64 t = 0;
    V d[4][4];
#define FOUR(i, at) vload8(0, from + (i) * wide + at)
    UNROLL for (int i = 0; i < 4; ++i) UNROLL for (int j = 0; j < 4; j += 2) {
        d[i][j] = (V)(FOUR(i, j).even, FOUR(i + 2, j).even, FOUR(i + 4, j).even, FOUR(i + 6, j).even);
        d[i][j + 1] = (V)(FOUR(i, j).odd, FOUR(i + 2, j).odd, FOUR(i + 4, j).odd, FOUR(i + 6, j).odd);
    }
    if (count == 4) SEE(PUT_WHOLE)
    else SEE(PUT_FOURS)
}

// `seen` for rows [start, start + count) of squares; vectors write past a row, the next row over it.
#define SEE_ROWS                                                                              \
    for (i64 r = 0, taken = 0; r < count; r += taken) {                                       \
        const i64 image = (start + r) / g.down;                                               \
        const i64 left = min(g.down - (start + r) % g.down, count - r);                       \
        taken = g.across <= 4 && left >= 4 ? 4 : g.across <= 8 && left >= 2 ? 2 : 1;          \
        if (image != held)                                                                    \
            fill_frame(frame, x + image * g.inputs * g.height * g.width, g.inputs, g.height,  \
                       g.width, g.top, g.left, 1, 1, g.tall, g.wide);                         \
        held = image;                                                                         \
        __global real *to = seen + r * g.across;                                              \
        for (i64 piece = 0; piece < g.pieces_y * g.pieces_x; ++piece) {                       \
            const i64 down = (start + r) % g.down * 2 + piece / g.pieces_x * 3;               \
            __global const real *from = frame + down * g.wide + piece % g.pieces_x * 3;       \
            for (i64 c = 0; c < g.inputs; ++c, from += g.tall * g.wide, to += g.line) {       \
                if (taken == 4) see_four_rows(to, seen_step, from, g.wide, g.across);         \
                else if (taken == 2) see_two_rows(to, seen_step, from, g.wide, g.across);     \
                else see_row(to, seen_step, from, g.wide, g.across);                          \
            }                                                                                 \
        }                                                                                     \
    }
// Whether element f of a piece's taps is 0, as where the piece has fewer than 3 rows or columns.
#define EMPTY(f, piece)                                                                       \
    (((f) / 4 == 3 && (piece) / g.pieces_x * 3 + 3 > g.kernel_height) ||                      \
     ((f) % 4 == 3 && (piece) % g.pieces_x * 3 + 3 > g.kernel_width))
#define EACH_CHUNK                                                                            \
    for (i64 start = begin, count = 0; start < end; start += count)                           \
        if ((count = min(g.chunk, end - start)) > 0)

#ifdef PIXELS
#define SQUARE (SPOTS * WIDTH + GAP)

// sums[square][f] = sum_k seen[f][k][square] taps[f][k]
#define SQUARE_TILE(f, t)                                                                     \
    {                                                                                         \
        V sum[PIXELS][VECTORS];                                                               \
        EACH_SUM(PIXELS) sum[r][w] = (V)(0);                                                  \
        for (i64 piece = 0; piece < g.pieces_y * g.pieces_x; ++piece) {                       \
            if (EMPTY(f, piece)) continue;                                                    \
            const i64 first = piece * g.inputs;                                               \
            __global const real *one = seen + (f) * seen_step + first * g.line + (t);         \
            __global const real *row = tap + ((f) * depth + first) * WIDTH;                   \
            for (i64 k = 0; k < g.inputs; ++k, row += WIDTH, one += g.line) {                 \
                V vectors[VECTORS];                                                           \
                UNROLL for (int w = 0; w < VECTORS; ++w) vectors[w] = LOAD(w, row);           \
                UNROLL for (int r = 0; r < PIXELS; ++r) {                                     \
                    const V e = (V)(one[r]);                                                  \
                    UNROLL for (int w = 0; w < VECTORS; ++w)                                  \
                        sum[r][w] = fma(e, vectors[w], sum[r][w]);                            \
                }                                                                             \
            }                                                                                 \
        }                                                                                     \
        __global real *to = sums + (t) * SQUARE + (f) * WIDTH;                                \
        EACH_SUM(PIXELS) STORE(sum[r][w], w, to + r * SQUARE);                                \
    }

// The pixels of one row of squares: A^T m A + bias; `high` is 2, or 1 for the last row of an odd image.
static inline void put_squares(__global real *pixels, __global const real *sums, const real *bias,
                               i64 across, i64 out_width, i64 high) {
    for (i64 t = 0; t < across; ++t, sums += SQUARE)
        UNROLL for (int w = 0; w < VECTORS; ++w) {
            V m[2][4];
            UNROLL for (int j = 0; j < 4; ++j) {
                const V a = LOAD(w, sums + j * WIDTH), b = LOAD(w, sums + (4 + j) * WIDTH);
                const V c = LOAD(w, sums + (8 + j) * WIDTH), d = LOAD(w, sums + (12 + j) * WIDTH);
                m[0][j] = a + b + c, m[1][j] = b - c - d;
            }
            const V start = LOAD(w, bias);
            for (int i = 0; i < high; ++i) {
                __global real *to = pixels + (i * out_width + 2 * t) * WIDTH;
                STORE(m[i][0] + m[i][1] + m[i][2] + start, w, to);
                if (2 * t + 1 < out_width)
                    STORE(m[i][1] - m[i][2] - m[i][3] + start, w, to + WIDTH);
            }
        }
}

__kernel WORK_GROUP(1, 1, 1) void winograd_forward(
    __global const real *x, const i64 x_at, __global const real *taps, __global const real *bias,
    const i64 bias_at, const i64 has_bias, __global real *y, __global real *scratch,
    const Geometry g) {
    x += x_at, bias += bias_at;
    SIDES
    EACH_CHUNK {
        SEE_ROWS
        for (i64 block = 0; block < blocks; ++block) {
            const i64 channel = block * WIDTH, there = g.outputs - channel;
            __global const real *tap = taps + block * SPOTS * depth * WIDTH;
            real each[WIDTH];
            for (int w = 0; w < WIDTH; ++w)
                each[w] = has_bias && w < there ? bias[channel + w] : (real)0;
            for (i64 f = 0; f < SPOTS; ++f)
                for (i64 t = 0; t < count * g.across; t += PIXELS) SQUARE_TILE(f, t)
            for (i64 r = start; r < start + count; ++r) {
                const i64 image = r / g.down, top = r % g.down * 2;
                const i64 high = min(g.out_height - top, (i64)2);
                put_squares(pixels, sums + (r - start) * g.across * SQUARE, each, g.across,
                            g.out_width, high);
                __global real *to = y + (image * g.outputs + channel) * plane + top * g.out_width;
                for (int w = 0; w < WIDTH && w < there; w += LANES)
                    put_channels(to + w * plane, plane, pixels + w, high * g.out_width, there - w);
            }
        }
    }
}

#else
// total[k .. k + R) += sum over squares of seen[f][k][square] sums[f][square]
#define PRODUCT_TILE(R)                                                                       \
    {                                                                                         \
        V sum[R][VECTORS];                                                                    \
        __global real *to = total + (f * depth + k) * WIDTH;                                  \
        EACH_SUM(R) sum[r][w] = LOAD(w, to + r * WIDTH);                                      \
        __global const real *one = seen + f * seen_step + k * g.line;                         \
        __global const real *row = sums + f * sums_step;                                      \
        for (i64 t = 0; t < count * g.across; ++t, row += WIDTH) {                            \
            V vectors[VECTORS];                                                               \
            UNROLL for (int w = 0; w < VECTORS; ++w) vectors[w] = LOAD(w, row);               \
            UNROLL for (int r = 0; r < R; ++r) {                                              \
                const V e = (V)(one[r * g.line + t]);                                         \
                UNROLL for (int w = 0; w < VECTORS; ++w)                                      \
                    sum[r][w] = fma(e, vectors[w], sum[r][w]);                                \
            }                                                                                 \
        }                                                                                     \
        EACH_SUM(R) STORE(sum[r][w], w, to + r * WIDTH);                                      \
    }

// sums[f][square] = (A g A^T)[f] for one row of squares; pixels beyond the image are 0.
static inline void get_squares(__global real *sums, i64 step, __global const real *pixels, i64 across,
                               i64 out_width, i64 high) {
    for (i64 t = 0; t < across; ++t, sums += WIDTH)
        UNROLL for (int w = 0; w < VECTORS; ++w) {
            V m[4][2];
            UNROLL for (int j = 0; j < 2; ++j) {
                __global const real *from = pixels + (2 * t + j) * WIDTH;
                const bool exists = 2 * t + j < out_width;
                const V a = exists ? LOAD(w, from) : (V)(0);
                const V b = exists && high > 1 ? LOAD(w, from + out_width * WIDTH) : (V)(0);
                m[0][j] = a, m[1][j] = a + b, m[2][j] = a - b, m[3][j] = -b;
            }
            UNROLL for (int i = 0; i < 4; ++i) {
                __global real *to = sums + 4 * i * step;
                STORE(m[i][0], w, to);
                STORE(m[i][0] + m[i][1], w, to + step);
                STORE(m[i][0] - m[i][1], w, to + 2 * step);
                STORE(-m[i][1], w, to + 3 * step);
            }
        }
}

__kernel WORK_GROUP(1, 1, 1) void winograd_partial(
    __global const real *x, const i64 x_at, __global const real *above, const i64 above_at,
    __global real *partial, __global real *scratch, const Geometry g) {
    x += x_at, above += above_at;
    SIDES
    const i64 sums_step = g.line * WIDTH + GAP, each = (SPOTS * depth + 1) * WIDTH;
    partial += me * blocks * each;
    for (i64 e = 0; e < blocks * each; ++e) partial[e] = 0;
    EACH_CHUNK {
        SEE_ROWS
        for (i64 block = 0; block < blocks; ++block) {
            const i64 channel = block * WIDTH;
            __global real *total = partial + block * each;
            for (i64 r = start; r < start + count; ++r) {
                const i64 image = r / g.down, top = r % g.down * 2;
                const i64 high = min(g.out_height - top, (i64)2);
                __global const real *from =
                    above + (image * g.outputs + channel) * plane + top * g.out_width;
                for (int w = 0; w < WIDTH; w += LANES)
                    get_channels(pixels + w, from + w * plane, plane, high * g.out_width,
                                 g.outputs - channel - w);
                add_pixels(total + SPOTS * depth * WIDTH, pixels, high * g.out_width);
                get_squares(sums + (r - start) * g.across * WIDTH, sums_step, pixels, g.across,
                            g.out_width, high);
            }
            for (i64 f = 0; f < SPOTS; ++f)
                for (i64 piece = 0; piece < g.pieces_y * g.pieces_x; ++piece) {
                    const i64 stop = EMPTY(f, piece) ? 0 : (piece + 1) * g.inputs;
                    i64 k = piece * g.inputs;
                    for (; k + ROWS <= stop; k += ROWS) PRODUCT_TILE(ROWS)
                    for (; k < stop; ++k) PRODUCT_TILE(1)
                }
        }
    }
}

// The 3 x 3 places of a piece, for LANES channels: `there` of them and (h, w) inside the kernel exist.
#define EACH_PLACE(i, j)                                                                      \
    UNROLL for (int i = 0; i < 3; ++i) UNROLL for (int j = 0; j < 3; ++j)

// taps[block, f, (piece, input), lane] = (G weight G^T)[f], the weight read as in conv_taps.cl.
__kernel void winograd_taps(__global const real *weight, const i64 weight_at, __global real *taps,
                            const i64 inputs, const i64 outputs, const i64 kernel_height,
                            const i64 kernel_width, const i64 pieces_y, const i64 pieces_x,
                            const i64 out_step, const i64 in_step, const i64 backwards) {
    const i64 depth = pieces_y * pieces_x * inputs, blocks = (outputs + WIDTH - 1) / WIDTH;
    const i64 places = kernel_height * kernel_width;
    FOR_EACH(job, blocks * depth * VECTORS) {
        const i64 v = job % VECTORS, k = job / VECTORS % depth, block = job / VECTORS / depth;
        const i64 top = k / inputs / pieces_x * 3, left = k / inputs % pieces_x * 3;
        const i64 o = block * WIDTH + v * LANES;
        __global const real *from = weight + weight_at + o * out_step + k % inputs * in_step;
        V t[3][3], m[4][3];
        EACH_PLACE(i, j) {
            real lanes[LANES];
            const i64 place = (top + i) * kernel_width + left + j;
            const bool exists = top + i < kernel_height && left + j < kernel_width;
            for (int h = 0; h < LANES; ++h)
                lanes[h] = exists && o + h < outputs
                               ? from[h * out_step + (backwards ? places - 1 - place : place)]
                               : (real)0;
            t[i][j] = LOAD(0, lanes);
        }
        UNROLL for (int j = 0; j < 3; ++j) {
            const V ends = (t[0][j] + t[2][j]) * (real)0.5, middle = t[1][j] * (real)0.5;
            m[0][j] = t[0][j], m[1][j] = ends + middle, m[2][j] = ends - middle, m[3][j] = t[2][j];
        }
        UNROLL for (int i = 0; i < 4; ++i) {
            const V ends = (m[i][0] + m[i][2]) * (real)0.5, middle = m[i][1] * (real)0.5;
            __global real *to = taps + ((block * SPOTS + 4 * i) * depth + k) * WIDTH;
            STORE(m[i][0], v, to);
            STORE(ends + middle, v, to + depth * WIDTH);
            STORE(ends - middle, v, to + 2 * depth * WIDTH);
            STORE(m[i][2], v, to + 3 * depth * WIDTH);
        }
    }
}

// weight[o, input, h, w] = (G^T sum G)[h, w] and bias[o], sums over the items in their order.
__kernel void winograd_sums(__global const real *partial, __global real *weight,
                            __global real *bias, const i64 items, const i64 inputs,
                            const i64 outputs, const i64 kernel_height, const i64 kernel_width,
                            const i64 pieces_y, const i64 pieces_x) {
    const i64 depth = pieces_y * pieces_x * inputs, blocks = (outputs + WIDTH - 1) / WIDTH;
    const i64 places = kernel_height * kernel_width, each = (SPOTS * depth + 1) * WIDTH;
    FOR_EACH(job, blocks * VECTORS * (depth + 1)) {
        const i64 k = job % (depth + 1), v = job / (depth + 1) % VECTORS;
        const i64 block = job / (depth + 1) / VECTORS, o = block * WIDTH + v * LANES;
        __global const real *from = partial + block * each;
        real lanes[LANES];
        V s[SPOTS], m[3][4];
        UNROLL for (int f = 0; f < SPOTS; ++f) s[f] = (V)(0);
        for (i64 n = 0; n < items; ++n, from += blocks * each)
            for (int f = 0; f < (k < depth ? SPOTS : 1); ++f)
                s[f] += LOAD(v, from + ((k < depth ? f * depth : SPOTS * depth - k) + k) * WIDTH);
        if (k == depth) {
            STORE(s[0], 0, lanes);
            for (int h = 0; h < LANES && o + h < outputs; ++h) bias[o + h] = lanes[h];
            continue;
        }
        UNROLL for (int j = 0; j < 4; ++j) {
            const V a = (s[4 + j] + s[8 + j]) * (real)0.5, b = (s[4 + j] - s[8 + j]) * (real)0.5;
            m[0][j] = s[j] + a, m[1][j] = b, m[2][j] = a + s[12 + j];
        }
        const i64 top = k / inputs / pieces_x * 3, left = k / inputs % pieces_x * 3;
        EACH_PLACE(i, j) {
            const V half_sum = (m[i][1] + m[i][2]) * (real)0.5;
            STORE(j == 0 ? m[i][0] + half_sum : j == 1 ? (m[i][1] - m[i][2]) * (real)0.5
                                                       : half_sum + m[i][3], 0, lanes);
            if (top + i < kernel_height && left + j < kernel_width)
                for (int h = 0; h < LANES && o + h < outputs; ++h)
                    weight[((o + h) * inputs + k % inputs) * places + (top + i) * kernel_width +
                           left + j] = lanes[h];
        }
    }
}
#endif
#endif
