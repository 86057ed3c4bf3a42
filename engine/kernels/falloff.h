/* How opaque a splat is in a pixel, and when a pixel is finished: what a blend and its gradient must agree on bit for
 * bit. gsplat 1.5.3's constants. */
#ifndef ANCHORSTAGE_FALLOFF_H
#define ANCHORSTAGE_FALLOFF_H

#include "rasterise.h"

#define MAX_ALPHA 0.999f /* of one splat in one pixel */
#define MIN_LIGHT 1e-4f  /* a pixel is finished before the splat that would leave no more light than this */

/* log2 of a splat's opacity where its row is nearest to it, `fall` = r dy away. */
INLINE Floats opacity_of_row(float log_opacity, Floats fall) { return fused(-fall, fall, all(log_opacity)); }

/* log2 of its opacity in pixels of that row, s = p dx + q dy. */
INLINE Floats opacity_at(Floats row, Floats s) { return fused(-s, s, row); }

INLINE Floats exp2_of(Floats power) {
    /* Added to a float below 2^22, this leaves the nearest whole number in the low bits. */
    const float round = 12582912.0f;
    Floats rounded = power + round, rest = power - (rounded - round);
    /* Least relative error on -0.5 .. 0.5, 8e-8 (Lawson's iteration). */
    Floats value = fused(rest, all(0.00132764713f), all(0.00967554096f));
    value = fused(rest, value, all(0.0555071309f));
    value = fused(rest, value, all(0.240221202f));
    value = fused(rest, value, all(0.693146944f));
    value = fused(rest, value, all(1.00000012f));
    return (Floats)((Ints)value + ((Ints)rounded << 23));
}

#endif
