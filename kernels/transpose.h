// Squares of LANES x LANES transposed in registers, on processors: V is a vector of LANES (16, 8 or 4),
// UNROLL the pragma. TRANSPOSE(x, y) takes arrays of LANES vectors and spoils both; the transpose of x
// is then in the one called TRANSPOSED, given that they are called x and y.
//
// RIFFLE(x, y): y takes the elements of each two vectors of x that lie LANES / 2 apart in turn. After
// log2(LANES) of them the square is transposed.
#if LANES == 16
#define LOW(a, b) (V)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, \
                      a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#define HIGH(a, b) (V)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, \
                       a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf)
#define TRANSPOSE(x, y) RIFFLE(x, y) RIFFLE(y, x) RIFFLE(x, y) RIFFLE(y, x)
#define TRANSPOSED x
#elif LANES == 8
#define LOW(a, b) (V)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3)
#define HIGH(a, b) (V)(a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7)
#define TRANSPOSE(x, y) RIFFLE(x, y) RIFFLE(y, x) RIFFLE(x, y)
#define TRANSPOSED y
#else
#define LOW(a, b) (V)(a.s0, b.s0, a.s1, b.s1)
#define HIGH(a, b) (V)(a.s2, b.s2, a.s3, b.s3)
#define TRANSPOSE(x, y) RIFFLE(x, y) RIFFLE(y, x)
#define TRANSPOSED x
#endif
#define RIFFLE(x, y)                                                              \
    UNROLL for (int h = 0; h < LANES / 2; ++h) {                                  \
        y[2 * h] = LOW(x[h], x[h + LANES / 2]);                                   \
        y[2 * h + 1] = HIGH(x[h], x[h + LANES / 2]);                              \
    }
