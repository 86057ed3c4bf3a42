/* What the two halves of the rasteriser's gradient hand each other; engine/kernels/backward.py mirrors Upstream. */
#ifndef ANCHORSTAGE_RASTERISE_BACKWARD_H
#define ANCHORSTAGE_RASTERISE_BACKWARD_H

#include "rasterise.h"

/* The picture as it was drawn and what the loss says of it, (height, width[, 3]). */
typedef struct {
    const float *color, *alpha, *depth;
    const float *color_gradient, *alpha_gradient, *depth_gradient;
} Upstream;

/* What a record gathers over its pixels. Of each pixel, g is opacity * dL/d opacity there and (s, f) is the pixel in the
 * splat's own whitened frame, s = p dx + q dy and f = r dy, whose square is never above 6 where the splat is drawn: sums
 * of these lose no digits, however long and thin the splat. The last four are dL/d channel. */
enum { G, G_S, G_F, G_SS, G_SF, G_FF, OF_RED, OF_GREEN, OF_BLUE, OF_DEPTH, SUMS };

#endif
