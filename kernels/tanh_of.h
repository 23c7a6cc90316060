// TANH_OF(T): the hyperbolic tangent of `real`, and on a CPU of `wide`.
#define NAME_(f, T) f##_##T
#define NAME_OF(f, T) NAME_(f, T)
#define NAME(f) NAME_OF(f, W)
#define KIND_float 1
#define KIND_double 2
#define FLOATING NAME_OF(KIND, real)
#define W real
#define VECTORIAL 0
#include "tanh.h"
#if CPU
#undef W
#undef VECTORIAL
#define W wide
#define VECTORIAL 1
#include "tanh.h"
#endif
#define TANH_OF(T) NAME_OF(tangent_hyperbolic, T)
