/* The rasteriser's records and its eight-wide vectors. engine/kernels/rasterise.py mirrors Camera, Scene and Passes. */
#ifndef ANCHORSTAGE_RASTERISE_H
#define ANCHORSTAGE_RASTERISE_H

#include <stdint.h>
#include <string.h>

#define LANES 8
#ifndef TILE_WIDTH /* a build may choose others, TILE_WIDTH in eights; the pictures are the same, bit for bit */
#define TILE_WIDTH 32
#define TILE_HEIGHT 16
#endif
#define NOTHING_ALPHA (1.0f / 255) /* less of a splat is not drawn (gsplat 1.5.3); with less a pixel has no depth */
#define LOG_MIN_ALPHA -7.994353f   /* its log2 */

/* A block holds eight prepared splats, one plane of eight floats after the other:
 * mean x y z; the 3x3 matrix rotation * diag(scales), row by row; log2 of the opacity, or CULLED. */
enum { MEAN, SHAPE = 3, LOG_OPACITY = 12, PLANES = 13 };
#define BLOCK_FLOATS (PLANES * LANES)
#define CHUNK_BLOCKS 32 /* blocks; what is culled, or chosen from a level of detail, as one */
#define CULLED (-1e30f)

typedef struct {
    float rotation[9];  /* camera from world, row by row */
    float eye[3];       /* metres, world */
    float focal[2];     /* pixels */
    float centre[2];    /* pixels from the top left edge */
    float slope_min[2]; /* the frustum, widened, as x/z and y/z: where the projection's Jacobian is held */
    float slope_max[2];
    float photo[3]; /* the photo's eye in this camera's frame; read where has_photo */
    float near;     /* metres */
    float photo_focal; /* of the grid from which the splats were lifted, pixels; 0 where there was none */
    int32_t has_photo;
    int32_t antialiased; /* a splat thinner than the low-pass filter is made fainter, as the filter made it wider */
    int32_t width, height; /* pixels, at most 16384 */
    int32_t tiles_x;
} Camera;

/* What is blended, one row a splat. */
typedef struct {
    const float *colors;     /* (N, 3) */
    const float *normals;    /* (N, 3) world, unsigned */
    const float *positions;  /* (N, 3) world */
    const float *confidence; /* (N,) */
    const int32_t *region;   /* (N,) */
    const uint8_t *origin;   /* (N,) */
} Scene;

/* Where a frame goes, (height, width[, 3]); those after depth are NULL where colour alone is wanted. */
typedef struct {
    float *color, *alpha, *depth, *normal, *confidence;
    int32_t *region;
    int8_t *origin;
} Passes;

/* A splat on the picture. Its opacity at (x, y) is 2^(log_opacity - (p dx + q dy)^2 - (r dy)^2): p, q, r are the
 * Cholesky factor of the conic, which loses no digits on long thin splats where A dx^2 + 2 B dx dy + C dy^2 would. */
typedef struct {
    float x, y, p, q, r, log_opacity, depth;
    uint16_t left, right, top, bottom; /* pixels, right and bottom exclusive */
    uint32_t splat;
} Record;

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

INLINE Floats all(float value) { return (Floats){value, value, value, value, value, value, value, value}; }

INLINE Floats load(const float *from) {
    Floats value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(float *to, Floats value) { memcpy(to, &value, sizeof value); }

INLINE Floats where(Ints mask, Floats yes, Floats no) { return (Floats)((mask & (Ints)yes) | (~mask & (Ints)no)); }

/* a * b + c, rounded once where the processor can (x86-64-v3, arm64), twice in the plain x86-64 build. */
INLINE Floats fused(Floats a, Floats b, Floats c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* Between two finite bounds; NaN becomes the lower one. */
INLINE Floats clamp(Floats value, Floats low, Floats high) {
    value = where(value > low, value, low);
    return where(value < high, value, high);
}

INLINE int any(Ints mask) {
    int64_t part[LANES / 2];
    memcpy(part, &mask, sizeof mask);
    return (part[0] | part[1] | part[2] | part[3]) != 0;
}

#endif
