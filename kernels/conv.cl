// Convolution of images and its gradients on processors, without a matrix of all windows.
//
//   y[n, o, p] = bias[o] + sum_k x[n, window p, k] taps[k, o]       k = (channel, place in the kernel)
//   partial[k, o] = sum_p x[n, window p, k] g[n, o, p]              (the sums of g where k = depth)
//
// Output channels are the lanes: a tile of PIXELS neighbours in a row of y by WIDTH = VECTORS * LANES
// channels has its sums in registers; a step along k takes VECTORS loads of taps, and for each pixel
// a single element of x and VECTORS fused multiply-adds. So neither strides nor dilation nor short
// rows cost a lane. The last tile of a row reaches back over the one before it.
//
// The gradient by x is a convolution of g, `spread` by the stride and framed anew, with the taps in
// reverse and inputs for outputs. The gradient by the weight has tiles of ROWS values of k instead
// of pixels, and a work-item keeps partial sums of its own (conv_taps.cl: the taps, and the sums of
// the partial sums).
//
// Layout: x (batch, groups * inputs, height, width), y and g (batch, groups * outputs, out_height,
// out_width), all without gaps. An image is copied into a frame (inputs, tall, wide) of zeros, where
// window p begins at p * stride and element k stands places[k] behind it. taps is (groups, blocks,
// depth, WIDTH) with depth = inputs * kernel_height * kernel_width, blocks = outputs / WIDTH rounded
// up, and 0 for channels that do not exist; y is gathered as (pixels, WIDTH) and then transposed in
// squares of LANES. Both stand in the item's part of `scratch`, `room` elements long.
//
// Grid: any number of work-items; each takes a run of the batch * parts jobs, where a job is an
// image, or some rows of y of an image.
// Limits: 2 outputs depth pixels operations over the peak of fused multiply-adds. An image's frame
// has less than 2^31 elements.
//
// variants: real=float,CPU=1,VECTORS=4,PIXELS=7,STRIDE=1; real=double,CPU=1,VECTORS=2,STRIDE=0

#if CPU
#define LANES 16
#define WIDTH (VECTORS * LANES)
#define ROWS 6
#define V JOIN(real, LANES)
#define LOAD(i, x) vload16(i, x)
#define STORE(v, i, x) vstore16(v, i, x)
#define UNROLL _Pragma("unroll")
#define EACH_SUM(R) UNROLL for (int r = 0; r < R; ++r) UNROLL for (int w = 0; w < VECTORS; ++w)
#include "transpose.h"

static inline void copy_row(__global real *to, __global const real *x, int width, int spread) {
    int i = 0;
    if (spread == 1) {
        for (; i + LANES <= width; i += LANES) STORE(LOAD(0, x + i), 0, to + i);
        if (i < width && width >= LANES) {
            STORE(LOAD(0, x + width - LANES), 0, to + width - LANES);
            return;
        }
        for (; i + 4 <= width; i += 4) vstore4(vload4(0, x + i), 0, to + i);
    }
    for (; i < width; ++i) to[i * spread] = x[i];
}

// One image into its frame; what reaches beyond the frame is left out.
static inline void fill_frame(__global real *frame, __global const real *x, i64 inputs, i64 height,
                              i64 width, i64 top, i64 left, i64 spread_y, i64 spread_x, i64 tall,
                              i64 wide) {
    const i64 skip = left < 0 ? (-left + spread_x - 1) / spread_x : 0;
    const i64 end = min(width, (wide - left + spread_x - 1) / spread_x);
    for (i64 c = 0; c < inputs; ++c, frame += tall * wide, x += height * width)
        for (i64 h = 0; h < height; ++h) {
            const i64 at = top + h * spread_y;
            if (at >= 0 && at < tall && end > skip)
                copy_row(frame + at * wide + left + skip * spread_x, x + h * width + skip,
                         (int)(end - skip), (int)spread_x);
        }
}

static inline void fill_places(__global i32 *places, i64 inputs, i64 kernel_height,
                               i64 kernel_width, i64 dilation_y, i64 dilation_x, i64 tall,
                               i64 wide) {
    for (i64 c = 0; c < inputs; ++c)
        for (i64 h = 0; h < kernel_height; ++h)
            for (i64 w = 0; w < kernel_width; ++w)
                *places++ = (i32)((c * tall + h * dilation_y) * wide + w * dilation_x);
}

// y[channel][pixel] = pixels[pixel][channel] for the first `channels` of LANES.
static inline void put_channels(__global real *to, i64 plane, __global const real *pixels,
                                i64 count, i64 channels) {
    const int there = (int)min(channels, (i64)LANES);
    for (i64 p = 0; p < count && count >= LANES; p += LANES) {
        p = min(p, count - LANES);
        V x[LANES], y[LANES];
        UNROLL for (int h = 0; h < LANES; ++h) x[h] = LOAD(0, pixels + (p + h) * WIDTH);
        TRANSPOSE(x, y)
        if (there == LANES) {
            UNROLL for (int h = 0; h < LANES; ++h) STORE(TRANSPOSED[h], 0, to + h * plane + p);
        } else {
            real each[LANES * LANES];
            UNROLL for (int h = 0; h < LANES; ++h) STORE(TRANSPOSED[h], h, each);
            for (int h = 0; h < there; ++h) STORE(LOAD(h, each), 0, to + h * plane + p);
        }
    }
    for (i64 p = 0; p < count && count < LANES; ++p)
        for (int h = 0; h < there; ++h) to[h * plane + p] = pixels[p * WIDTH + h];
}

// pixels[pixel][channel] = g[channel][pixel], and 0 for channels that do not exist.
static inline void get_channels(__global real *pixels, __global const real *g, i64 plane,
                                i64 count, i64 channels) {
    i64 p = 0;
    for (; p + LANES <= count && channels > 0; p += LANES) {
        V x[LANES], y[LANES];
        UNROLL for (int h = 0; h < LANES; ++h)
            x[h] = h < channels ? LOAD(0, g + h * plane + p) : (V)(0);
        TRANSPOSE(x, y)
        UNROLL for (int h = 0; h < LANES; ++h) STORE(TRANSPOSED[h], 0, pixels + (p + h) * WIDTH);
    }
    for (; p < count; ++p)
        for (int h = 0; h < LANES; ++h) pixels[p * WIDTH + h] = h < channels ? g[h * plane + p] : 0;
}

typedef struct {
    i64 batch, groups, inputs, outputs;
    i64 height, width, top, left, spread_y, spread_x, tall, wide; // x, and its frame
    i64 out_height, out_width, stride_y, stride_x;
    i64 kernel_height, kernel_width, dilation_y, dilation_x;
    i64 parts, room; // of an image, and elements of scratch that a work-item has
} Geometry;

#define LINES(n) (((n) + LANES - 1) / LANES * LANES)

// What an item has in scratch: places, a frame, and rows of WIDTH channels.
#define SCRATCH                                                                               \
    const i64 size = LINES(g.tall * g.wide * g.inputs), plane = g.out_height * g.out_width;   \
    const i64 depth = g.inputs * g.kernel_height * g.kernel_width;                            \
    const i64 blocks = (g.outputs + WIDTH - 1) / WIDTH, me = (i64)get_global_id(0);           \
    scratch += me * g.room;                                                                   \
    __global i32 *places = (__global i32 *)scratch;                                           \
    __global real *frame = scratch + LINES(depth), *pixels = frame + size;                    \
    for (i64 e = 0; e < size; ++e) frame[e] = 0;                                              \
    fill_places(places, g.inputs, g.kernel_height, g.kernel_width, g.dilation_y,              \
                g.dilation_x, g.tall, g.wide);

// Each group of each job: an image in the frame, and rows [first, last) of y.
#define FOR_IMAGES                                                                            \
    const i64 jobs = g.batch * g.parts, items = (i64)get_global_size(0);                      \
    for (i64 turn = jobs * me / items * g.groups; turn < jobs * (me + 1) / items * g.groups;  \
         ++turn)

#define JOB                                                                                   \
    const i64 group = turn % g.groups, job = turn / g.groups, part = job % g.parts;           \
    const i64 image = job / g.parts * g.groups + group;                                       \
    const i64 first = g.out_height * part / g.parts;                                          \
    const i64 last = g.out_height * (part + 1) / g.parts, count = (last - first) * g.out_width; \
    fill_frame(frame, x + image * g.inputs * g.height * g.width, g.inputs, g.height, g.width, \
               g.top, g.left, g.spread_y, g.spread_x, g.tall, g.wide);

#define STEP (STRIDE ? STRIDE : g.stride_x)

#ifdef PIXELS
// pixels[pixel][lane] of rows [first, last) = start + sum_k frame taps.
#define ROW_TILE(i, j)                                                                        \
    {                                                                                         \
        V sum[PIXELS][VECTORS];                                                               \
        EACH_SUM(PIXELS) sum[r][w] = start[w];                                                \
        __global const real *from = frame + (i) * g.stride_y * g.wide + (j) * g.stride_x;     \
        __global const real *row = tap;                                                       \
        for (i64 k = 0; k < depth; ++k, row += WIDTH) {                                       \
            __global const real *one = from + places[k];                                      \
            V vectors[VECTORS];                                                               \
            UNROLL for (int w = 0; w < VECTORS; ++w) vectors[w] = LOAD(w, row);               \
            UNROLL for (int r = 0; r < PIXELS; ++r) {                                         \
                const V e = (V)(one[r * STEP]);                                               \
                UNROLL for (int w = 0; w < VECTORS; ++w)                                      \
                    sum[r][w] = fma(e, vectors[w], sum[r][w]);                                \
            }                                                                                 \
        }                                                                                     \
        __global real *to = pixels + (((i) - first) * g.out_width + (j)) * WIDTH;             \
        EACH_SUM(PIXELS) STORE(sum[r][w], r * VECTORS + w, to);                               \
    }

__kernel WORK_GROUP(1, 1, 1) void conv_forward(
    __global const real *x, const i64 x_at, __global const real *taps, __global const real *bias,
    const i64 bias_at, const i64 has_bias, __global real *y, __global real *scratch,
    const Geometry g) {
    x += x_at, bias += bias_at;
    SCRATCH
    FOR_IMAGES {
        JOB
        for (i64 block = 0; block < blocks; ++block) {
            const i64 channel = block * WIDTH, there = g.outputs - channel;
            __global const real *tap = taps + (group * blocks + block) * depth * WIDTH;
            real each[WIDTH];
            for (int w = 0; w < WIDTH; ++w)
                each[w] = has_bias && w < there ? bias[group * g.outputs + channel + w] : (real)0;
            V start[VECTORS];
            UNROLL for (int w = 0; w < VECTORS; ++w) start[w] = LOAD(w, each);
            for (i64 i = first; i < last; ++i)
                for (i64 j = 0; j < g.out_width; j += PIXELS)
                    ROW_TILE(i, min(j, g.out_width - PIXELS))
            __global real *to = y + (image * g.outputs + channel) * plane + first * g.out_width;
            for (int w = 0; w < WIDTH && w < there; w += LANES)
                put_channels(to + w * plane, plane, pixels + w, count, there - w);
        }
    }
}

#else
// sums[k .. k + R)[lane] += sum of frame (or of 1 for k = depth) times g, in rows [first, last).
#define TAP_TILE(R)                                                                           \
    {                                                                                         \
        V sum[R][VECTORS];                                                                    \
        __global const real *from[R];                                                         \
        EACH_SUM(R) sum[r][w] = LOAD(w, sums + (k + r) * WIDTH);                              \
        UNROLL for (int r = 0; r < R; ++r) from[r] = frame + places[k + r];                   \
        __global const real *row = pixels;                                                    \
        for (i64 i = first; i < last; ++i) {                                                  \
            i64 at = i * g.stride_y * g.wide;                                                 \
            for (i64 j = 0; j < g.out_width; ++j, at += STEP, row += WIDTH) {                 \
                V vectors[VECTORS];                                                           \
                UNROLL for (int w = 0; w < VECTORS; ++w) vectors[w] = LOAD(w, row);           \
                UNROLL for (int r = 0; r < R; ++r) {                                          \
                    const V e = (V)(from[r][at]);                                             \
                    UNROLL for (int w = 0; w < VECTORS; ++w)                                  \
                        sum[r][w] = fma(e, vectors[w], sum[r][w]);                            \
                }                                                                             \
            }                                                                                 \
        }                                                                                     \
        EACH_SUM(R) STORE(sum[r][w], w, sums + (k + r) * WIDTH);                              \
    }

static inline void add_pixels(__global real *sums, __global const real *pixels, i64 count) {
    V sum[VECTORS];
    UNROLL for (int w = 0; w < VECTORS; ++w) sum[w] = LOAD(w, sums);
    for (i64 p = 0; p < count; ++p)
        UNROLL for (int w = 0; w < VECTORS; ++w) sum[w] += LOAD(w, pixels + p * WIDTH);
    UNROLL for (int w = 0; w < VECTORS; ++w) STORE(sum[w], w, sums);
}

// partial[item, group, block, k, lane], k = 0 .. depth
__kernel WORK_GROUP(1, 1, 1) void conv_partial(
    __global const real *x, const i64 x_at, __global const real *above, const i64 above_at,
    __global real *partial, __global real *scratch, const Geometry g) {
    x += x_at, above += above_at;
    SCRATCH
    const i64 each = (depth + 1) * WIDTH;
    partial += me * g.groups * blocks * each;
    for (i64 e = 0; e < g.groups * blocks * each; ++e) partial[e] = 0;
    FOR_IMAGES {
        JOB
        for (i64 block = 0; block < blocks; ++block) {
            const i64 channel = block * WIDTH;
            __global const real *from =
                above + (image * g.outputs + channel) * plane + first * g.out_width;
            for (int w = 0; w < WIDTH; w += LANES)
                get_channels(pixels + w, from + w * plane, plane, count, g.outputs - channel - w);
            __global real *sums = partial + (group * blocks + block) * each;
            i64 k = 0;
            for (; k + ROWS <= depth; k += ROWS) TAP_TILE(ROWS)
            for (; k < depth; ++k) TAP_TILE(1)
            add_pixels(sums + depth * WIDTH, pixels, count);
        }
    }
}
#endif
#endif
