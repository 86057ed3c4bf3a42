/* The splat rasteriser's first half: prepare (once a scene), then for each frame project and scatter.
 *
 *   splats ─prepare─► blocks ─project─► records + counts by tile ─scatter─► entries by tile ─(rasterise_blend.c)─► passes
 *
 * Kerbl et al. 2023 with gsplat 1.5.3's constants, so that both give one picture. Every function works on a range and
 * writes nowhere else, so that threads share nothing; entries are sorted by depth and then by splat, so that a picture
 * is the same bit for bit however the ranges were cut. twin.py is the plain version of the same formulas.
 */
#include "rasterise.h"

#include <float.h>
#include <math.h>

#define LOW_PASS 0.3f            /* square pixels, added to the covariance on the picture; gsplat 1.5.3 */
#define FAR_PLANE 1e10f          /* metres; gsplat 1.5.3 */
#define HALF_LOG2E 0.7213475204f /* exp(-s/2) = 2^(-s HALF_LOG2E) */
#define SLACK_PX 0.002f          /* a splat's box is widened by this; float32 pixels near 16384 are 0.001 apart */

/* ---------------------------------------------------------------- prepare */

static int usable(const float *values, int count) {
    for (int i = 0; i < count; i++)
        if (!(fabsf(values[i]) <= FLT_MAX)) return 0;
    return 1;
}

/* Rotation matrix of a quaternion w x y z of any length; 0 where it has none. */
static int rotation_matrix(const float *quaternion, float *matrix) {
    double w = quaternion[0], x = quaternion[1], y = quaternion[2], z = quaternion[3];
    double square = w * w + x * x + y * y + z * z;
    if (!(square > 1e-24 && square < 1e24)) return 0;
    double s = 2 / square;
    const double rows[9] = {
        1 - s * (y * y + z * z), s * (x * y - w * z),     s * (x * z + w * y),
        s * (x * y + w * z),     1 - s * (x * x + z * z), s * (y * z - w * x),
        s * (x * z - w * y),     s * (y * z + w * x),     1 - s * (x * x + y * y),
    };
    for (int i = 0; i < 9; i++) matrix[i] = (float)rows[i];
    return 1;
}

/* One splat into its lane of a block, and its shortest axis; 0 where it cannot be drawn. */
static int prepare_one(const float *mean, const float *scale, const float *rotation, float opacity, float *lane,
                       float *normal) {
    float matrix[9];
    if (!(opacity >= NOTHING_ALPHA && opacity <= FLT_MAX) || !usable(mean, 3) || !usable(scale, 3)) return 0;
    if (!rotation_matrix(rotation, matrix)) return 0;
    if (scale[0] < 0 || scale[1] < 0 || scale[2] < 0 || scale[0] + scale[1] + scale[2] == 0) return 0;
    int shortest = scale[1] < scale[0];
    if (scale[2] < scale[shortest]) shortest = 2;
    for (int i = 0; i < 3; i++) {
        lane[(MEAN + i) * LANES] = mean[i];
        normal[i] = matrix[3 * i + shortest];
        for (int k = 0; k < 3; k++) lane[(SHAPE + 3 * i + k) * LANES] = matrix[3 * i + k] * scale[k];
    }
    lane[LOG_OPACITY * LANES] = (float)log2(opacity < 1 ? opacity : 1); /* in double: the same bits from every libm */
    return 1;
}

/* Blocks [start, end) of the splats; the last block is filled up with culled ones. Splats with a number that is not
 * finite, without a rotation, with a negative or no size, or fainter than 1/255 are culled here, once.
 *   positions, scales, colors (count, 3); rotations (count, 4); opacities, confidence (count,)
 *   blocks (ceil(count / 8), 13, 8) and normals (count, 3) are written. */
void anchorstage_splats_prepare(int64_t start, int64_t end, int64_t count, const float *positions, const float *scales,
                                const float *rotations, const float *opacities, const float *colors,
                                const float *confidence, float *blocks, float *normals) {
    for (int64_t i = start * LANES; i < end * LANES; i++) {
        float *lane = blocks + i / LANES * BLOCK_FLOATS + i % LANES;
        for (int plane = 0; plane < PLANES; plane++) lane[plane * LANES] = 0;
        lane[LOG_OPACITY * LANES] = CULLED;
        if (i >= count) continue;
        normals[3 * i] = normals[3 * i + 1] = normals[3 * i + 2] = 0;
        if (!usable(colors + 3 * i, 3) || !usable(confidence + i, 1)) continue;
        prepare_one(positions + 3 * i, scales + 3 * i, rotations + 4 * i, opacities[i], lane, normals + 3 * i);
    }
}

/* ---------------------------------------------------------------- project */

/* log2 of positive normal numbers; 3e-7 at most off. The mantissa in [sqrt 1/2, sqrt 2), then the series of
 * log((1 + t) / (1 - t)) = 2 (t + t^3 / 3 + t^5 / 5 + ...) with |t| < 0.172. */
INLINE Floats log2_of(Floats value) {
    Ints exponent = (((Ints)value - 0x3f3504f3) >> 23);
    Floats mantissa = (Floats)((Ints)value - (exponent << 23));
    Floats t = (mantissa - 1) / (mantissa + 1), square = t * t;
    Floats series = 0.41219858f + 0.32059889f * square; /* 2 log2(e) over 7 and 9 */
    series = 0.57707802f + series * square;
    series = 0.96179669f + series * square;
    series = 2.88539008f + series * square;
    return __builtin_convertvector(exponent, Floats) + series * t;
}

typedef struct {
    Floats x, y, p, q, r, log_opacity, depth;
    Ints left, right, top, bottom, keep;
} Projected;

/* log2 of the light that is left to splats which the low-pass filter makes wider, so that far away they do not cover more
 * than they should: the antialiased mode of gsplat 1.5.3, the two-dimensional filter of Mip-Splatting (Yu et al. 2024).
 * `own` is the variance in square metres that a splat was seen through when it was lifted from its photo: so much of the
 * filter is its own, and nothing is taken away at the photo's view. */
INLINE Floats filtered(Floats sharp, Floats xx, Floats yy, Floats determinant, Floats fx, Floats fy, Floats own) {
    Floats own_x = own * fx * fx, own_y = own * fy * fy;
    Floats before = sharp + own_x * yy + own_y * xx + own_x * own_y;
    return 0.5f * log2_of(clamp(before / determinant, all(FLT_MIN), all(1)));
}

/* Rows of Jacobian * rotation * shape, and with them the covariance and the Cholesky factor of its inverse. The
 * determinant is the sum of the squared minors (Cauchy-Binet) and the low-pass's share: a sum of positives, which
 * cannot cancel as a c - b b does. */
INLINE void project_shape(const float *block, const Camera *camera, Floats u, Floats v, Floats inverse, Floats own,
                          Projected *out, Floats *spread_x, Floats *spread_y, Ints *sound) {
    const float *turn = camera->rotation;
    Floats fx = camera->focal[0] * inverse, fy = camera->focal[1] * inverse;
    Floats first[3], second[3], mx[3], my[3];
    for (int i = 0; i < 3; i++) {
        first[i] = fx * (turn[i] - u * turn[6 + i]);
        second[i] = fy * (turn[3 + i] - v * turn[6 + i]);
    }
    for (int k = 0; k < 3; k++) {
        const float *column = block + (SHAPE + k) * LANES;
        Floats a = load(column), b = load(column + 3 * LANES), c = load(column + 6 * LANES);
        mx[k] = first[0] * a + first[1] * b + first[2] * c;
        my[k] = second[0] * a + second[1] * b + second[2] * c;
    }
    Floats xx = mx[0] * mx[0] + mx[1] * mx[1] + mx[2] * mx[2], yy = my[0] * my[0] + my[1] * my[1] + my[2] * my[2];
    Floats xy = mx[0] * my[0] + mx[1] * my[1] + mx[2] * my[2];
    Floats m01 = mx[0] * my[1] - mx[1] * my[0], m02 = mx[0] * my[2] - mx[2] * my[0], m12 = mx[1] * my[2] - mx[2] * my[1];
    Floats sharp = m01 * m01 + m02 * m02 + m12 * m12;
    Floats determinant = sharp + LOW_PASS * (xx + yy) + LOW_PASS * LOW_PASS;
    out->log_opacity = load(block + LOG_OPACITY * LANES);
    if (camera->antialiased) out->log_opacity += filtered(sharp, xx, yy, determinant, fx, fy, own);
    xx += LOW_PASS, yy += LOW_PASS;
    Floats product = yy * determinant;
    *sound = (product > 0) & (product <= FLT_MAX) & (xx <= FLT_MAX);
    Floats root = __builtin_elementwise_sqrt(HALF_LOG2E / product);
    out->p = yy * root;
    out->q = -xy * root;
    out->r = __builtin_elementwise_sqrt(HALF_LOG2E / yy);
    *spread_x = xx, *spread_y = yy;
}

/* The low-pass filter of the photo at a splat's distance from it, in square metres; 0 where there is none. */
INLINE Floats photo_filter(const Camera *camera, Floats x, Floats y, Floats z) {
    if (!(camera->photo_focal > 0)) return all(0);
    Floats dx = x - camera->photo[0], dy = y - camera->photo[1], dz = z - camera->photo[2];
    return (LOW_PASS / (camera->photo_focal * camera->photo_focal)) * (dx * dx + dy * dy + dz * dz);
}

/* The pixels whose centres lie within `reach` of a splat's centre, on one axis of `size` pixels. */
INLINE void box(Floats centre, Floats reach, float size, Ints *low, Ints *high) {
    *low = __builtin_convertvector(clamp(centre - reach + 0.5f, all(0), all(size)), Ints);
    *high = __builtin_convertvector(clamp(centre + reach + 0.5f, all(0), all(size)), Ints);
}

INLINE void project_block(const float *block, const Camera *camera, Projected *out) {
    const float *turn = camera->rotation;
    Floats x = load(block) - camera->eye[0], y = load(block + LANES) - camera->eye[1];
    Floats z = load(block + 2 * LANES) - camera->eye[2];
    Floats depth = turn[6] * x + turn[7] * y + turn[8] * z, inverse = 1 / depth;
    Floats u = (turn[0] * x + turn[1] * y + turn[2] * z) * inverse, v = (turn[3] * x + turn[4] * y + turn[5] * z) * inverse;
    Floats held_u = clamp(u, all(camera->slope_min[0]), all(camera->slope_max[0]));
    Floats held_v = clamp(v, all(camera->slope_min[1]), all(camera->slope_max[1]));
    Floats spread_x, spread_y;
    Ints sound;
    Floats own = photo_filter(camera, u * depth, v * depth, depth);
    project_shape(block, camera, held_u, held_v, inverse, own, out, &spread_x, &spread_y, &sound);
    out->x = camera->focal[0] * u + camera->centre[0];
    out->y = camera->focal[1] * v + camera->centre[1];
    out->depth = depth;
    /* Where the opacity falls to 1/255; gsplat's opacity-aware extent. */
    Floats reach = (out->log_opacity - LOG_MIN_ALPHA) / HALF_LOG2E;
    box(out->x, __builtin_elementwise_sqrt(reach * spread_x) + SLACK_PX, (float)camera->width, &out->left, &out->right);
    box(out->y, __builtin_elementwise_sqrt(reach * spread_y) + SLACK_PX, (float)camera->height, &out->top, &out->bottom);
    out->keep = (out->log_opacity >= LOG_MIN_ALPHA) & (depth >= camera->near) & (depth <= FAR_PLANE) & sound;
    out->keep &= (out->left < out->right) & (out->top < out->bottom);
}

/* Append one lane to the records; returns how many there are now. */
INLINE int64_t append(const Projected *from, int lane, uint32_t splat, Record *records, int64_t count) {
    Record *record = records + count;
    record->x = from->x[lane], record->y = from->y[lane];
    record->p = from->p[lane], record->q = from->q[lane], record->r = from->r[lane];
    record->log_opacity = from->log_opacity[lane], record->depth = from->depth[lane];
    record->left = (uint16_t)from->left[lane], record->right = (uint16_t)from->right[lane];
    record->top = (uint16_t)from->top[lane], record->bottom = (uint16_t)from->bottom[lane];
    record->splat = splat;
    return count + 1;
}

INLINE int64_t project_chunk(int64_t chunk, int64_t end, const float *blocks, const Camera *camera, Record *records,
                             int64_t visible) {
    for (int64_t b = chunk * CHUNK_BLOCKS; b < end && b < (chunk + 1) * CHUNK_BLOCKS; b++) {
        Projected eight;
        project_block(blocks + b * BLOCK_FLOATS, camera, &eight);
        if (!any(eight.keep)) continue;
        for (int lane = 0; lane < LANES; lane++)
            if (eight.keep[lane]) visible = append(&eight, lane, (uint32_t)(b * LANES + lane), records, visible);
    }
    return visible;
}

/* Project the chunks that chunks[start, end) names, of `count` blocks in all: visible splats go to records, in the
 * order of the list; counts (tiles,) is set to how many of them touch each tile. Returns the number of records. */
int64_t anchorstage_splats_project(int64_t start, int64_t end, const int32_t *chunks, int64_t count, const float *blocks,
                                   const Camera *camera, int64_t tiles, Record *records, int32_t *counts) {
    int64_t visible = 0;
    memset(counts, 0, (size_t)tiles * sizeof *counts);
    for (int64_t i = start; i < end; i++) visible = project_chunk(chunks[i], count, blocks, camera, records, visible);
    for (const Record *record = records; record < records + visible; record++)
        for (int row = record->top / TILE_HEIGHT; row <= (record->bottom - 1) / TILE_HEIGHT; row++)
            for (int column = record->left / TILE_WIDTH; column <= (record->right - 1) / TILE_WIDTH; column++)
                counts[(int64_t)row * camera->tiles_x + column]++;
    return visible;
}

/* ---------------------------------------------------------------- scatter */

/* Write (depth bits, record) of each record into the tiles [first, end). cursors (tiles,) say where in entries the
 * next one of each tile goes, and are moved on. Positive floats order as their bits do. */
void anchorstage_splats_scatter(const Record *records, int64_t start, int64_t visible, const Camera *camera, int64_t first,
                                int64_t end, int64_t *cursors, uint64_t *entries) {
    int first_row = (int)(first / camera->tiles_x), last_row = (int)((end - 1) / camera->tiles_x);
    for (int64_t i = start; i < start + visible; i++) {
        const Record *record = records + i;
        uint32_t bits;
        memcpy(&bits, &record->depth, sizeof bits);
        uint64_t entry = (uint64_t)bits << 32 | (uint64_t)i;
        int top = record->top / TILE_HEIGHT, bottom = (record->bottom - 1) / TILE_HEIGHT;
        for (int row = top > first_row ? top : first_row; row <= bottom && row <= last_row; row++)
            for (int column = record->left / TILE_WIDTH; column <= (record->right - 1) / TILE_WIDTH; column++) {
                int64_t tile = (int64_t)row * camera->tiles_x + column;
                if (tile >= first && tile < end) entries[cursors[tile]++] = entry;
            }
    }
}
