// Axes in two groups, those that are kept and those that are reduced, as reduce.cl and find.cl walk
// them: m counts the kept elements, r the reduced ones, both in row-major order. NKEPT and NRED are
// the axes in each group, at most 8.

typedef struct {
    i64 kept_shape[8], kept[8], red_shape[8], red[8];
} Folding;

#define LAST_R at.red[NRED - 1]

#define KEPT_OFFSET(p, m)                                            \
    i64 p = 0;                                                       \
    {                                                                \
        i64 rest = (m);                                              \
        for (int d = NKEPT - 1; d >= 0; --d) {                       \
            p += rest % at.kept_shape[d] * at.kept[d];               \
            rest /= at.kept_shape[d];                                \
        }                                                            \
    }

#define REDUCED_OFFSET(p, r)                                         \
    i64 p = NRED == 1 ? (r) * at.red[0] : 0;                         \
    if (NRED != 1) {                                                 \
        i64 rest = (r);                                              \
        for (int d = NRED - 1; d >= 0; --d) {                        \
            p += rest % at.red_shape[d] * at.red[d];                 \
            rest /= at.red_shape[d];                                 \
        }                                                            \
    }
