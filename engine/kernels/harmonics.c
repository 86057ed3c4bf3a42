/* Colours that depend on where they are seen from: real spherical harmonics of bands 1 to 3.
 *
 * Signs, order and constants are 3DGS's and gsplat 1.5.3's (Sloan, Efficient Spherical Harmonic Evaluation, JCGT 2013). Only
 * splats that a frame shows are looked at. Directions and basis go eight splats at a time, the sum over coefficients
 * one splat at a time, in one order, so that every build gives the same bits.
 */
#include "rasterise.h"

#include <float.h>

#define MOST 15 /* coefficients of bands 1 to 3 */

typedef float Four __attribute__((vector_size(16)));
typedef int32_t FourInts __attribute__((vector_size(16)));

/* The bands' values for eight unit directions; `count` of them, 3, 8 or 15. */
INLINE void basis_of(Floats x, Floats y, Floats z, int count, Floats *out) {
    out[0] = -0.48860251190292f * y;
    out[1] = 0.48860251190292f * z;
    out[2] = -0.48860251190292f * x;
    if (count < 8) return;
    Floats zz = z * z, cosine = x * x - y * y, sine = 2 * x * y, slope = -1.092548430592079f * z;
    out[3] = 0.5462742152960395f * sine;
    out[4] = slope * y;
    out[5] = 0.9461746957575601f * zz - 0.3153915652525201f;
    out[6] = slope * x;
    out[7] = 0.5462742152960395f * cosine;
    if (count < MOST) return;
    Floats bow = -2.285228997322329f * zz + 0.4570457994644658f, rise = 1.445305721320277f * z;
    out[8] = -0.5900435899266435f * (x * sine + y * cosine);
    out[9] = rise * sine;
    out[10] = bow * y;
    out[11] = z * (1.865881662950577f * zz - 1.119528997770346f);
    out[12] = bow * x;
    out[13] = rise * cosine;
    out[14] = -0.5900435899266435f * (x * cosine - y * sine);
}

/* The basis for eight splats' directions from the eye; a splat at the eye itself has none, which is (0, 0, 0). */
INLINE void seen_from(const float *eye, const float *positions, const uint32_t *splats, int count, Floats *basis) {
    Floats way[3];
    for (int lane = 0; lane < LANES; lane++)
        for (int k = 0; k < 3; k++) way[k][lane] = positions[3 * (int64_t)splats[lane] + k] - eye[k];
    Floats square = way[0] * way[0] + way[1] * way[1] + way[2] * way[2];
    Floats inverse = 1 / __builtin_elementwise_sqrt(square);
    inverse = where((square > 0) & (inverse <= FLT_MAX), inverse, all(0));
    basis_of(way[0] * inverse, way[1] * inverse, way[2] * inverse, count, basis);
}

INLINE Four load_three(const float *from) {
    Four value = {0};
    memcpy(&value, from, 3 * sizeof(float));
    return value;
}

/* max(0, base + sum of basis * coefficients), or the base alone where that is no finite number. */
INLINE void color_of(const float *base, const float *sh, int count, const Floats *basis, int lane, float *color) {
    Four sum = {0};
    for (int k = 0; k < count; k++) {
        Four coefficients;
        if (k < count - 1)
            memcpy(&coefficients, sh + 3 * k, sizeof coefficients); /* the fourth is the next one's, and not used */
        else
            coefficients = load_three(sh + 3 * k);
        sum += basis[k][lane] * coefficients;
    }
    Four plain = load_three(base), value = plain + sum;
    FourInts finite = (value <= FLT_MAX) & (value >= -FLT_MAX);
    value = (Four)(((FourInts)value & finite) | ((FourInts)plain & ~finite));
    value = (Four)((FourInts)value & (value > 0));
    memcpy(color, &value, 3 * sizeof(float));
}

INLINE void colors_of(const Record *records, int64_t visible, int count, const float *eye, const float *positions,
                      const float *base, const float *sh, float *colors) {
    for (int64_t i = 0; i < visible; i += LANES) {
        uint32_t splats[LANES];
        int lanes = visible - i < LANES ? (int)(visible - i) : LANES;
        for (int lane = 0; lane < LANES; lane++) splats[lane] = records[i + (lane < lanes ? lane : 0)].splat;
        Floats basis[MOST];
        seen_from(eye, positions, splats, count, basis);
        for (int lane = 0; lane < lanes; lane++) {
            int64_t splat = splats[lane];
            color_of(base + 3 * splat, sh + 3 * count * splat, count, basis, lane, colors + 3 * splat);
        }
    }
}

/* Colours of the splats of records [start, start + visible), written to their rows of colors (N, 3).
 *   count: coefficients a channel, 3, 8 or 15; eye (3,) and positions (N, 3) in the world; base (N, 3), the constant
 *   part; sh (N, count, 3). */
void anchorstage_harmonics_colors(const Record *records, int64_t start, int64_t visible, int64_t count, const float *eye,
                                  const float *positions, const float *base, const float *sh, float *colors) {
    records += start;
    if (count == 3) colors_of(records, visible, 3, eye, positions, base, sh, colors);
    if (count == 8) colors_of(records, visible, 8, eye, positions, base, sh, colors);
    if (count == MOST) colors_of(records, visible, MOST, eye, positions, base, sh, colors);
}
