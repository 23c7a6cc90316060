// One step of a recurrent layer, after the product of the state: all that is left in one launch, and
// its gradient in another. N = rows examples of H = cols units; gates lie one after the other in a
// row of G H numbers. z holds the inputs' products of this step, u those of the state before it.
//
//   lstm  i, f, o = sigmoid, g = tanh of z + u     c = f c' + i g, h = o tanh(c)
//   gru   r, z = sigmoid(v + u), n = tanh(v + r u)     h = n + z (h' - n)
//   rnn   h = f(z + u)                             ACT: 0 tanh, 1 max(x, 0), 2 sigmoid
//
// (x' is x before the step.) `saved` keeps what the gradient needs: lstm i f g o; gru r z n u_n.
//
// Backward gets the gradient of h in up to three parts, dh = m + carry + above: from the product of
// the step behind it, from what that step passed on past its product (not in the first launch,
// `first`), and from the output. With it
//
//   lstm  dc += dh o (1 - tanh(c)^2), the gradients of i, f, o by x (1 - x), of g by 1 - g^2; dc f
//         goes on in dc
//   gru   dn = dh (1 - z) (1 - n^2), dr = dn u_n r (1 - r), dz = dh (h' - n) z (1 - z); for the
//         state's products dn is dn r; dh z goes on in carry
//   rnn   dh times the slope of f, in terms of h
//
// LENGTHS=1: where t is not below lengths[row], the example has ended: its state stays, its output
// and its gates' gradients are 0, and dh goes on in carry. Without, lengths and outputs (and, but for
// gru, carry) are not looked at.
//
// Grid: as rows.h says. Limits: bytes over bandwidth, about 13 N H numbers each way for lstm.
// variants: real=float,CPU=0,GROUP=64,LENGTHS=1,INT=i64,ACT=0
// variants: real=float,CPU=1,LENGTHS=0,INT=i32,ACT=2; real=double,CPU=1,LENGTHS=1,INT=i64,ACT=1
#include "rows.h"
#include "tanh_of.h"

#define TANH(x) TANH_OF(W)(x)
#define SIGMOID(x) ((part)(1) / ((part)(1) + exp(-(x)))) // exp may be infinite: then it is 0
#define GATE(x, count, q) get((x) + (r * (count) + (q)) * cols, c, cols, 0)
#define PUT_GATE(x, count, q, v) put((x) + (r * (count) + (q)) * cols, c, cols, v)
#define UNIT(x) get((x) + r * cols, c, cols, 0)
#define PUT_UNIT(x, v) put((x) + r * cols, c, cols, v)

#if LENGTHS
#define HAS_ENDED(r) (t >= (i64)lengths[r])
#define PUT_STATE(now)                       \
    PUT_UNIT(h_after, ended ? UNIT(h_before) : (now)); \
    PUT_UNIT(outputs, ended ? (part)(0) : (now));
#define PASS_ON(dh) PUT_UNIT(carry, ended ? (dh) : (part)(0));
#define CARRIED (first ? (part)(0) : UNIT(carry))
#else
#define HAS_ENDED(r) false
#define PUT_STATE(now) PUT_UNIT(h_after, now);
#define PASS_ON(dh)
#define CARRIED (part)(0)
#endif
#define ABOVE (ended ? (part)(0) : UNIT(above))
#define BEGIN_ROW                      \
    const bool ended = HAS_ENDED(r);   \
    FOR_COLUMNS(c)

__kernel void lstm_forward(
    __global const real *z, const i64 z_at, __global const real *u, const i64 u_at,
    __global const real *h_before, const i64 h_before_at,
    __global const real *c_before, const i64 c_before_at, __global real *saved, const i64 saved_at,
    __global real *h_after, const i64 h_after_at, __global real *c_after, const i64 c_after_at,
    __global real *outputs, const i64 outputs_at, __global const INT *lengths, const i64 lengths_at,
    const i64 t, const i64 rows, const i64 cols) {
    z += z_at, u += u_at, h_before += h_before_at, c_before += c_before_at, saved += saved_at;
    h_after += h_after_at, c_after += c_after_at, outputs += outputs_at, lengths += lengths_at;
    FOR_ROWS(r) {
        BEGIN_ROW {
            const part i = SIGMOID(GATE(z, 4, 0) + GATE(u, 4, 0)), f = SIGMOID(GATE(z, 4, 1) + GATE(u, 4, 1));
            const part g = TANH(GATE(z, 4, 2) + GATE(u, 4, 2)), o = SIGMOID(GATE(z, 4, 3) + GATE(u, 4, 3));
            const part held = UNIT(c_before), inside = f * held + i * g;
            PUT_GATE(saved, 4, 0, i);
            PUT_GATE(saved, 4, 1, f);
            PUT_GATE(saved, 4, 2, g);
            PUT_GATE(saved, 4, 3, o);
            PUT_UNIT(c_after, ended ? held : inside);
            PUT_STATE(o * TANH(inside))
        }
    }
}

__kernel void lstm_backward(
    __global const real *above, const i64 above_at, __global const real *m, const i64 m_at,
    __global const real *saved, const i64 saved_at,
    __global const real *c_before, const i64 c_before_at,
    __global const real *c_after, const i64 c_after_at, __global const real *dc, const i64 dc_at,
    __global real *dz, const i64 dz_at, __global real *dc_before, const i64 dc_before_at,
    __global real *carry, const i64 carry_at, __global const INT *lengths, const i64 lengths_at,
    const i64 t, const i64 first, const i64 rows, const i64 cols) {
    above += above_at, m += m_at, saved += saved_at, c_before += c_before_at, c_after += c_after_at;
    dc += dc_at, dz += dz_at, dc_before += dc_before_at, carry += carry_at, lengths += lengths_at;
    FOR_ROWS(r) {
        BEGIN_ROW {
            const part i = GATE(saved, 4, 0), f = GATE(saved, 4, 1), g = GATE(saved, 4, 2);
            const part o = GATE(saved, 4, 3), bounded = TANH(UNIT(c_after)), one = (part)(1);
            const part dh = UNIT(m) + CARRIED + ABOVE, passed = UNIT(dc);
            const part inside = passed + dh * o * (one - bounded * bounded);
            PUT_GATE(dz, 4, 0, ended ? (part)(0) : inside * g * i * (one - i));
            PUT_GATE(dz, 4, 1, ended ? (part)(0) : inside * UNIT(c_before) * f * (one - f));
            PUT_GATE(dz, 4, 2, ended ? (part)(0) : inside * i * (one - g * g));
            PUT_GATE(dz, 4, 3, ended ? (part)(0) : dh * bounded * o * (one - o));
            PUT_UNIT(dc_before, ended ? passed : inside * f);
            PASS_ON(dh)
        }
    }
}

__kernel void gru_forward(
    __global const real *v, const i64 v_at, __global const real *u, const i64 u_at,
    __global const real *h_before, const i64 h_before_at, __global real *saved, const i64 saved_at,
    __global real *h_after, const i64 h_after_at, __global real *outputs, const i64 outputs_at,
    __global const INT *lengths, const i64 lengths_at, const i64 t, const i64 rows,
    const i64 cols) {
    v += v_at, u += u_at, h_before += h_before_at, saved += saved_at, h_after += h_after_at;
    outputs += outputs_at, lengths += lengths_at;
    FOR_ROWS(r) {
        BEGIN_ROW {
            const part reset = SIGMOID(GATE(v, 3, 0) + GATE(u, 3, 0)), u_n = GATE(u, 3, 2);
            const part z = SIGMOID(GATE(v, 3, 1) + GATE(u, 3, 1)), n = TANH(GATE(v, 3, 2) + reset * u_n);
            PUT_GATE(saved, 4, 0, reset);
            PUT_GATE(saved, 4, 1, z);
            PUT_GATE(saved, 4, 2, n);
            PUT_GATE(saved, 4, 3, u_n);
            PUT_STATE(n + z * (UNIT(h_before) - n))
        }
    }
}

__kernel void gru_backward(
    __global const real *above, const i64 above_at, __global const real *m, const i64 m_at,
    __global const real *saved, const i64 saved_at,
    __global const real *h_before, const i64 h_before_at, __global real *dv, const i64 dv_at,
    __global real *du, const i64 du_at, __global real *carry, const i64 carry_at,
    __global const INT *lengths, const i64 lengths_at, const i64 t, const i64 first,
    const i64 rows, const i64 cols) {
    above += above_at, m += m_at, saved += saved_at, h_before += h_before_at, dv += dv_at;
    du += du_at, carry += carry_at, lengths += lengths_at;
    FOR_ROWS(r) {
        BEGIN_ROW {
            const part one = (part)(1), dh = UNIT(m) + (first ? (part)(0) : UNIT(carry)) + ABOVE;
            const part reset = GATE(saved, 4, 0), z = GATE(saved, 4, 1);
            const part n = GATE(saved, 4, 2), u_n = GATE(saved, 4, 3);
            part to_n = dh * (one - z) * (one - n * n);
            part to_r = to_n * u_n * reset * (one - reset);
            part to_z = dh * (UNIT(h_before) - n) * z * (one - z);
            if (ended) to_n = to_r = to_z = (part)(0);
            PUT_GATE(dv, 3, 0, to_r);
            PUT_GATE(dv, 3, 1, to_z);
            PUT_GATE(dv, 3, 2, to_n);
            PUT_GATE(du, 3, 0, to_r);
            PUT_GATE(du, 3, 1, to_z);
            PUT_GATE(du, 3, 2, to_n * reset);
            PUT_UNIT(carry, ended ? dh : dh * z);
        }
    }
}

#if ACT == 0
#define ACTIVATED(x) TANH(x)
#define SLOPE(h) ((part)(1) - (h) * (h))
#elif ACT == 1
#define ACTIVATED(x) ((x) < 0 ? (part)(0) : (x)) // NaN stays
#define SLOPE(h) ((h) > 0 ? (part)(1) : (part)(0))
#else
#define ACTIVATED(x) SIGMOID(x)
#define SLOPE(h) ((h) * ((part)(1) - (h)))
#endif

__kernel void rnn_forward(
    __global const real *z, const i64 z_at, __global const real *u, const i64 u_at,
    __global const real *h_before, const i64 h_before_at,
    __global real *h_after, const i64 h_after_at, __global real *outputs, const i64 outputs_at,
    __global const INT *lengths, const i64 lengths_at, const i64 t, const i64 rows,
    const i64 cols) {
    z += z_at, u += u_at, h_before += h_before_at, h_after += h_after_at;
    outputs += outputs_at, lengths += lengths_at;
    FOR_ROWS(r) {
        BEGIN_ROW {
            const part x = UNIT(z) + UNIT(u);
            PUT_STATE(ACTIVATED(x))
        }
    }
}

__kernel void rnn_backward(
    __global const real *above, const i64 above_at, __global const real *m, const i64 m_at,
    __global const real *h_after, const i64 h_after_at, __global real *dz, const i64 dz_at,
    __global real *carry, const i64 carry_at, __global const INT *lengths, const i64 lengths_at,
    const i64 t, const i64 first, const i64 rows, const i64 cols) {
    above += above_at, m += m_at, h_after += h_after_at, dz += dz_at, carry += carry_at;
    lengths += lengths_at;
    FOR_ROWS(r) {
        BEGIN_ROW {
            const part h = UNIT(h_after), dh = UNIT(m) + CARRIED + ABOVE;
            PUT_UNIT(dz, ended ? (part)(0) : dh * SLOPE(h));
            PASS_ON(dh)
        }
    }
}
