// The hyperbolic tangent of one type at work; the includer defines
//
//   W          the type, a scalar or a vector of 16
//   NAME(f)    the name of the function f for W
//   VECTORIAL  whether it is a vector
//   FLOATING   1 for floats, 2 for doubles

#if VECTORIAL && FLOATING == 1
// x + x^3 P(x^2) below 0.55, else 1 - 2 / (e + 1) with e = exp(2 |x|) = 2^n (1 + r + r^2 Q(r)), where
// n is the nearest integer to 2 |x| / log 2: adding 1.5 2^23 rounds to it and leaves it in the last
// bits. P and Q are minimax: 1.9 ulp in all. Drivers' own take up to four times as long.
static inline W NAME(tangent_hyperbolic)(W x) {
    const W a = fabs(x), t = x * x, c = a > (W)10 ? (W)10 : a;
    const W p = ((0.0162739493f * t - 0.0525868945f) * t + 0.133194208f) * t - 0.333328903f;
    const W shifted = c * 2.88539008f + 12582912.0f, n = shifted - 12582912.0f;
    const W r = c + c - n * 0.693145752f - n * 1.42860677e-6f;
    const W q = ((0.00831252150f * r + 0.0418901481f) * r + 0.166671142f) * r + 0.499992311f;
    const W e = as_float16(as_int16(r * r * q + r + 1.0f) + (as_int16(shifted) << 23));
    return copysign(a >= 0.55f ? 1.0f - 2.0f / (e + 1.0f) : a * t * p + a, x);
}
#else
// Some drivers give 0.99999994 for large arguments; from 20 on, 1 is right in double too.
static inline W NAME(tangent_hyperbolic)(W x) {
    return x > (W)20 ? (W)1 : x < (W)-20 ? (W)-1 : tanh(x);
}
#endif
