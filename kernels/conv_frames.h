// What convolutions on processors share: images in frames of zeros, and the way between planes of
// channels and rows of WIDTH = VECTORS * LANES channels. Files define VECTORS before this.
//
#define LANES 16
#define WIDTH (VECTORS * LANES)
#define V JOIN(real, LANES)
#define LOAD(i, x) vload16(i, x)
#define STORE(v, i, x) vstore16(v, i, x)
#define UNROLL _Pragma("unroll")
#define EACH_SUM(R) UNROLL for (int r = 0; r < R; ++r) UNROLL for (int w = 0; w < VECTORS; ++w)
#include "transpose.h"
#define LINES(n) (((n) + LANES - 1) / LANES * LANES)

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

// sums[lane] += the sum of pixels[0 .. count)[lane]
static inline void add_pixels(__global real *sums, __global const real *pixels, i64 count) {
    V sum[VECTORS];
    UNROLL for (int w = 0; w < VECTORS; ++w) sum[w] = LOAD(w, sums);
    for (i64 p = 0; p < count; ++p)
        UNROLL for (int w = 0; w < VECTORS; ++w) sum[w] += LOAD(w, pixels + p * WIDTH);
    UNROLL for (int w = 0; w < VECTORS; ++w) STORE(sum[w], w, sums);
}
