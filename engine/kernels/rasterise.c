/* The splat rasteriser: prepare (once a scene), then for each frame project, scatter and blend.
 *
 *   splats ─prepare─► blocks ─project─► records + counts by tile ─scatter─► entries by tile ─blend─► passes
 *
 * Kerbl et al. 2023 with gsplat 1.5.3's constants, so that both give one picture. Every function works on a range and
 * writes nowhere else, so that threads share nothing; entries are sorted by depth and then by splat, so that a picture
 * is the same bit for bit however the ranges were cut. engine/kernels/twin.py is the plain version of the same formulas.
 */
#include "rasterise.h"

#include <float.h>
#include <math.h>

/* gsplat 1.5.3. */
#define LOW_PASS 0.3f           /* square pixels, added to the covariance on the picture */
#define MAX_ALPHA 0.999f        /* of one splat in one pixel */
#define LOG_MIN_ALPHA -7.994353f /* log2(1/255): less is not drawn */
#define MIN_LIGHT 1e-4f         /* a pixel is finished before the splat that would leave less light than this */
#define FAR_PLANE 1e10f         /* metres */

#define HALF_LOG2E 0.7213475204f /* exp(-s/2) = 2^(-s HALF_LOG2E) */
#define NOTHING_ALPHA (1.0f / 255) /* engine/render/record.py */
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
    matrix[0] = (float)(1 - s * (y * y + z * z)), matrix[1] = (float)(s * (x * y - w * z)), matrix[2] = (float)(s * (x * z + w * y));
    matrix[3] = (float)(s * (x * y + w * z)), matrix[4] = (float)(1 - s * (x * x + z * z)), matrix[5] = (float)(s * (y * z - w * x));
    matrix[6] = (float)(s * (x * z - w * y)), matrix[7] = (float)(s * (y * z + w * x)), matrix[8] = (float)(1 - s * (x * x + y * y));
    return 1;
}

/* One splat into its lane of a block, and its shortest axis; 0 where it cannot be drawn. */
static int prepare_one(const float *mean, const float *scale, const float *rotation, float opacity, float *lane, float *normal) {
    float matrix[9];
    if (!(opacity >= NOTHING_ALPHA && opacity <= FLT_MAX) || !usable(mean, 3) || !usable(scale, 3) || !rotation_matrix(rotation, matrix)) return 0;
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

typedef struct {
    Floats x, y, p, q, r, log_opacity, depth;
    Ints left, right, top, bottom, keep;
} Projected;

/* Rows of Jacobian * rotation * shape, and with them the covariance and the Cholesky factor of its inverse. The
 * determinant is the sum of the squared minors (Cauchy-Binet) and the low-pass's share: a sum of positives, which
 * cannot cancel as a c - b b does. */
INLINE void project_shape(const float *block, const Camera *camera, Floats u, Floats v, Floats inverse, Projected *out,
                          Floats *spread_x, Floats *spread_y, Ints *sound) {
    const float *turn = camera->rotation;
    Floats fx = camera->focal[0] * inverse, fy = camera->focal[1] * inverse;
    Floats first[3], second[3], mx[3], my[3];
    for (int i = 0; i < 3; i++) {
        first[i] = fx * (turn[i] - u * turn[6 + i]);
        second[i] = fy * (turn[3 + i] - v * turn[6 + i]);
    }
    for (int k = 0; k < 3; k++) {
        Floats a = load(block + (SHAPE + k) * LANES), b = load(block + (SHAPE + 3 + k) * LANES), c = load(block + (SHAPE + 6 + k) * LANES);
        mx[k] = first[0] * a + first[1] * b + first[2] * c;
        my[k] = second[0] * a + second[1] * b + second[2] * c;
    }
    Floats xx = mx[0] * mx[0] + mx[1] * mx[1] + mx[2] * mx[2], yy = my[0] * my[0] + my[1] * my[1] + my[2] * my[2];
    Floats xy = mx[0] * my[0] + mx[1] * my[1] + mx[2] * my[2];
    Floats m01 = mx[0] * my[1] - mx[1] * my[0], m02 = mx[0] * my[2] - mx[2] * my[0], m12 = mx[1] * my[2] - mx[2] * my[1];
    Floats determinant = m01 * m01 + m02 * m02 + m12 * m12 + LOW_PASS * (xx + yy) + LOW_PASS * LOW_PASS;
    xx += LOW_PASS, yy += LOW_PASS;
    Floats product = yy * determinant;
    *sound = (product > 0) & (product <= FLT_MAX) & (xx <= FLT_MAX);
    Floats root = __builtin_elementwise_sqrt(HALF_LOG2E / product);
    out->p = yy * root;
    out->q = -xy * root;
    out->r = __builtin_elementwise_sqrt(HALF_LOG2E / yy);
    *spread_x = xx, *spread_y = yy;
}

/* The pixels whose centres lie within `reach` of a splat's centre, on one axis of `size` pixels. */
INLINE void box(Floats centre, Floats reach, float size, Ints *low, Ints *high) {
    *low = __builtin_convertvector(clamp(centre - reach + 0.5f, all(0), all(size)), Ints);
    *high = __builtin_convertvector(clamp(centre + reach + 0.5f, all(0), all(size)), Ints);
}

INLINE void project_block(const float *block, const Camera *camera, Projected *out) {
    const float *turn = camera->rotation;
    Floats x = load(block) - camera->eye[0], y = load(block + LANES) - camera->eye[1], z = load(block + 2 * LANES) - camera->eye[2];
    Floats depth = turn[6] * x + turn[7] * y + turn[8] * z, inverse = 1 / depth;
    Floats u = (turn[0] * x + turn[1] * y + turn[2] * z) * inverse, v = (turn[3] * x + turn[4] * y + turn[5] * z) * inverse;
    Floats held_u = clamp(u, all(camera->slope_min[0]), all(camera->slope_max[0]));
    Floats held_v = clamp(v, all(camera->slope_min[1]), all(camera->slope_max[1]));
    Floats spread_x, spread_y;
    Ints sound;
    project_shape(block, camera, held_u, held_v, inverse, out, &spread_x, &spread_y, &sound);
    out->x = camera->focal[0] * u + camera->centre[0];
    out->y = camera->focal[1] * v + camera->centre[1];
    out->depth = depth;
    out->log_opacity = load(block + LOG_OPACITY * LANES);
    /* Where the opacity falls to 1/255; gsplat's opacity-aware extent. */
    Floats reach = (out->log_opacity - LOG_MIN_ALPHA) / HALF_LOG2E;
    box(out->x, __builtin_elementwise_sqrt(reach * spread_x) + SLACK_PX, (float)camera->width, &out->left, &out->right);
    box(out->y, __builtin_elementwise_sqrt(reach * spread_y) + SLACK_PX, (float)camera->height, &out->top, &out->bottom);
    out->keep = (out->log_opacity > CULLED) & (depth >= camera->near) & (depth <= FAR_PLANE) & sound;
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

/* Project blocks [start, end): visible splats go to records (at most 8 a block), in their order; counts (tiles,) is
 * set to how many of them touch each tile. Returns the number of records. */
int64_t anchorstage_splats_project(int64_t start, int64_t end, const float *blocks, const Camera *camera, int64_t tiles,
                                   Record *records, int32_t *counts) {
    int64_t visible = 0;
    memset(counts, 0, (size_t)tiles * sizeof *counts);
    for (int64_t b = start; b < end; b++) {
        Projected eight;
        project_block(blocks + b * BLOCK_FLOATS, camera, &eight);
        if (!any(eight.keep)) continue;
        for (int lane = 0; lane < LANES; lane++)
            if (eight.keep[lane]) visible = append(&eight, lane, (uint32_t)(b * LANES + lane), records, visible);
    }
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
    for (int64_t i = start; i < start + visible; i++) {
        const Record *record = records + i;
        uint32_t bits;
        memcpy(&bits, &record->depth, sizeof bits);
        uint64_t entry = (uint64_t)bits << 32 | (uint64_t)i;
        for (int row = record->top / TILE_HEIGHT; row <= (record->bottom - 1) / TILE_HEIGHT; row++)
            for (int column = record->left / TILE_WIDTH; column <= (record->right - 1) / TILE_WIDTH; column++) {
                int64_t tile = (int64_t)row * camera->tiles_x + column;
                if (tile >= first && tile < end) entries[cursors[tile]++] = entry;
            }
    }
}

/* ---------------------------------------------------------------- sort */

#define DIGIT_BITS 8
#define DIGITS (1 << DIGIT_BITS)
#define FEW 24 /* below this, insertion is quicker than counting */

static void insertion_sort(uint64_t *entries, int64_t count) {
    for (int64_t i = 1; i < count; i++) {
        uint64_t entry = entries[i];
        int64_t hole = i;
        for (; hole > 0 && entries[hole - 1] >> 32 > entry >> 32; hole--) entries[hole] = entries[hole - 1];
        entries[hole] = entry;
    }
}

/* One stable counting pass over the digit that starts at `shift`, of the depth above `lowest`. */
static void counting_pass(const uint64_t *from, uint64_t *to, int64_t count, uint64_t lowest, int shift) {
    int64_t starts[DIGITS] = {0};
    for (int64_t i = 0; i < count; i++) starts[((from[i] >> 32) - lowest) >> shift & (DIGITS - 1)]++;
    int64_t sum = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
        int64_t here = starts[digit];
        starts[digit] = sum;
        sum += here;
    }
    for (int64_t i = 0; i < count; i++) to[starts[((from[i] >> 32) - lowest) >> shift & (DIGITS - 1)]++] = from[i];
}

/* Sort by depth, stable, with as many digits as the tile's range of depths has; returns where the sorted ones lie. */
static const uint64_t *sort_entries(uint64_t *entries, uint64_t *spare, int64_t count) {
    if (count <= FEW) {
        insertion_sort(entries, count);
        return entries;
    }
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (int64_t i = 0; i < count; i++) {
        uint64_t key = entries[i] >> 32;
        lowest = key < lowest ? key : lowest;
        highest = key > highest ? key : highest;
    }
    for (int shift = 0; (highest - lowest) >> shift; shift += DIGIT_BITS) {
        counting_pass(entries, spare, count, lowest, shift);
        uint64_t *other = entries;
        entries = spare;
        spare = other;
    }
    return entries;
}

/* ---------------------------------------------------------------- blend */

/* A tile's planes, row by row so that one row's planes share a few cache lines. Light is what still passes through;
 * negative where the pixel is finished. The eight columns on the right let a vector reach over the edge. */
enum { LIGHT, RED, GREEN, BLUE, DEPTH, COLOR_PLANES, NORMAL = COLOR_PLANES, TRUST = NORMAL + 3, WEIGHT, HEAVIEST, ALL_PLANES };
#define STRIDE (TILE_WIDTH + LANES)
#define BATCH 128 /* splats gathered together; after each batch a finished tile is left */

typedef float TilePlanes[TILE_HEIGHT][ALL_PLANES][STRIDE];

/* A record as its tile sees it: pixel centres of the tile are whole numbers. */
typedef struct {
    float x, y, p, q, r, log_opacity, channels[8]; /* red green blue depth, normal x y z, confidence */
    int32_t splat, left, right, top, bottom;
} Item;

INLINE Floats exp2_of(Floats power) {
    /* Added to a float below 2^22, this leaves the nearest whole number in the low bits. */
    const float round = 12582912.0f;
    Floats rounded = power + round, rest = power - (rounded - round);
    /* Least relative error on -0.5 .. 0.5, 8e-8 (Lawson's iteration). */
    Floats value = 0.00967554096f + rest * 0.00132764713f;
    value = 0.0555071309f + rest * value;
    value = 0.240221202f + rest * value;
    value = 0.693146944f + rest * value;
    value = 1.00000012f + rest * value;
    return (Floats)((Ints)value + ((Ints)rounded << 23));
}

/* Blend one item into eight pixels of one row, at column x; s and base are its exponent's parts on this row. */
INLINE void blend_eight(const Item *item, float (*planes)[STRIDE], int x, Floats s, float base, int full) {
    const Ints sign = (Ints)all(-0.0f);
    Floats power = base - s * s;
    Ints drawn = power >= LOG_MIN_ALPHA;
    Floats alpha = exp2_of(power);
    alpha = where(alpha < MAX_ALPHA, alpha, all(MAX_ALPHA));
    Floats light = load(planes[LIGHT] + x), weight = light * alpha, left = light - weight;
    Ints open = left > MIN_LIGHT;
    Floats finished = (Floats)((Ints)light | sign);
    store(planes[LIGHT] + x, where(drawn, where(open, left, finished), light));
    weight = (Floats)((Ints)weight & drawn & open);
    int channels = full ? 8 : 4;
    for (int channel = 0; channel < channels; channel++)
        store(planes[RED + channel] + x, load(planes[RED + channel] + x) + weight * item->channels[channel]);
    if (!full) return;
    Floats heaviest = load(planes[WEIGHT] + x);
    Ints heavier = weight > heaviest;
    Ints splat = (Ints){0} + item->splat;
    store(planes[WEIGHT] + x, where(heavier, weight, heaviest));
    store(planes[HEAVIEST] + x, where(heavier, (Floats)splat, load(planes[HEAVIEST] + x)));
}

INLINE void blend_item(const Item *item, TilePlanes tile, int full) {
    const Floats lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int y = item->top; y < item->bottom; y++) {
        float dy = (float)y - item->y, fall = item->r * dy;
        float base = item->log_opacity - fall * fall;
        Floats s = item->p * (lanes + ((float)item->left - item->x)) + item->q * dy;
        for (int x = item->left; x < item->right; x += LANES, s += item->p * LANES) blend_eight(item, tile[y], x, s, base, full);
    }
}

/* The `count` records of sorted entries as this tile's items. */
INLINE void gather(const uint64_t *entries, int count, const Record *records, const Scene *scene, const Camera *camera,
                   int tile_x, int tile_y, Item *items, int full) {
    for (int i = 0; i < count; i++) {
        const Record *record = records + (uint32_t)entries[i];
        Item *item = items + i;
        int64_t splat = record->splat;
        int left = record->left - tile_x, right = record->right - tile_x, top = record->top - tile_y, bottom = record->bottom - tile_y;
        item->x = record->x - ((float)tile_x + 0.5f), item->y = record->y - ((float)tile_y + 0.5f);
        item->p = record->p, item->q = record->q, item->r = record->r, item->log_opacity = record->log_opacity;
        item->left = left > 0 ? left : 0, item->right = right < TILE_WIDTH ? right : TILE_WIDTH;
        item->top = top > 0 ? top : 0, item->bottom = bottom < TILE_HEIGHT ? bottom : TILE_HEIGHT;
        item->splat = (int32_t)splat;
        memcpy(item->channels, scene->colors + 3 * splat, 3 * sizeof(float));
        item->channels[3] = record->depth;
        if (!full) continue;
        const float *normal = scene->normals + 3 * splat, *mean = scene->positions + 3 * splat;
        float away = 0;
        for (int k = 0; k < 3; k++) away += normal[k] * (mean[k] - camera->eye[k]);
        for (int k = 0; k < 3; k++) item->channels[4 + k] = away > 0 ? -normal[k] : normal[k];
        item->channels[7] = scene->confidence[splat];
    }
}

/* Light everywhere in the picture, none beyond its edges, so that what lies beyond counts as finished. */
static void clear(TilePlanes tile, int columns, int rows) {
    memset(tile, 0, sizeof(TilePlanes));
    for (int y = 0; y < TILE_HEIGHT; y++)
        for (int x = 0; x < STRIDE; x++) tile[y][LIGHT][x] = x < columns && y < rows ? 1.0f : -1.0f;
}

static int finished(TilePlanes tile) {
    Ints open = {0};
    for (int y = 0; y < TILE_HEIGHT; y++)
        for (int x = 0; x < TILE_WIDTH; x += LANES) open |= load(tile[y][LIGHT] + x) > 0;
    return !any(open);
}

/* ---------------------------------------------------------------- write */

/* The cosine, at a point on the ray at this depth, between the ways to the photo's eye and to this one; 0 behind. */
static float angle_term(const Camera *camera, float u, float v, float depth) {
    if (!camera->has_photo) return 1;
    float x = camera->photo[0] - u * depth, y = camera->photo[1] - v * depth, z = camera->photo[2] - depth;
    float lengths = sqrtf(u * u + v * v + 1) * sqrtf(x * x + y * y + z * z);
    float cosine = lengths > 0 ? -(u * x + v * y + z) / lengths : 0;
    return cosine > 0 ? (cosine < 1 ? cosine : 1) : 0;
}

/* Unit length; where the blended normals cancelled, towards the eye. */
static void write_normal(float (*planes)[STRIDE], int x, const Camera *camera, float u, float v, float *normal) {
    float n[3] = {planes[NORMAL][x], planes[NORMAL + 1][x], planes[NORMAL + 2][x]};
    float square = n[0] * n[0] + n[1] * n[1] + n[2] * n[2];
    const float *turn = camera->rotation;
    if (!(square > 1e-12f)) {
        for (int k = 0; k < 3; k++) n[k] = -(u * turn[k] + v * turn[3 + k] + turn[6 + k]);
        square = n[0] * n[0] + n[1] * n[1] + n[2] * n[2];
    }
    float scale = 1 / sqrtf(square);
    for (int k = 0; k < 3; k++) normal[k] = n[k] * scale;
}

static void write_extras(float (*planes)[STRIDE], int x, int64_t pixel, float u, float v, float alpha, float depth,
                         const Scene *scene, const Camera *camera, const Passes *passes) {
    if (alpha < NOTHING_ALPHA) {
        passes->normal[3 * pixel] = passes->normal[3 * pixel + 1] = passes->normal[3 * pixel + 2] = 0;
        passes->confidence[pixel] = 0;
        passes->region[pixel] = passes->origin[pixel] = -1;
        return;
    }
    int32_t heaviest;
    memcpy(&heaviest, &planes[HEAVIEST][x], sizeof heaviest);
    write_normal(planes, x, camera, u, v, passes->normal + 3 * pixel);
    /* Blended by weight it is already "mean times coverage". */
    float confidence = planes[TRUST][x] * angle_term(camera, u, v, depth);
    passes->confidence[pixel] = confidence > 0 ? (confidence < 1 ? confidence : 1) : 0;
    passes->region[pixel] = scene->region[heaviest];
    passes->origin[pixel] = (int8_t)scene->origin[heaviest];
}

static void write_tile(TilePlanes tile, int tile_x, int tile_y, int columns, int rows, const Scene *scene,
                       const Camera *camera, const Passes *passes) {
    for (int y = 0; y < rows; y++) {
        float v = ((float)(tile_y + y) + 0.5f - camera->centre[1]) / camera->focal[1];
        for (int x = 0; x < columns; x++) {
            int64_t pixel = (int64_t)(tile_y + y) * camera->width + tile_x + x;
            float alpha = 1 - fabsf(tile[y][LIGHT][x]);
            float depth = alpha < NOTHING_ALPHA ? INFINITY : tile[y][DEPTH][x] / alpha;
            for (int k = 0; k < 3; k++) passes->color[3 * pixel + k] = tile[y][RED + k][x];
            passes->alpha[pixel] = alpha;
            passes->depth[pixel] = depth;
            if (!passes->normal) continue;
            float u = ((float)(tile_x + x) + 0.5f - camera->centre[0]) / camera->focal[0];
            write_extras(tile[y], x, pixel, u, v, alpha, depth, scene, camera, passes);
        }
    }
}

/* Sort, blend and write the tiles [first, end).
 *   starts (tiles + 1,): tile t's entries are [starts[t] - base, starts[t + 1] - base) of entries; spare has the same
 *   size and is scratch. */
void anchorstage_splats_blend(int64_t first, int64_t end, const int64_t *starts, int64_t base, uint64_t *entries,
                              uint64_t *spare, const Record *records, const Scene *scene, const Camera *camera,
                              const Passes *passes) {
    TilePlanes tile;
    Item items[BATCH];
    int full = passes->normal != NULL;
    for (int64_t t = first; t < end; t++) {
        int tile_x = (int)(t % camera->tiles_x) * TILE_WIDTH, tile_y = (int)(t / camera->tiles_x) * TILE_HEIGHT;
        int columns = camera->width - tile_x, rows = camera->height - tile_y;
        columns = columns < TILE_WIDTH ? columns : TILE_WIDTH, rows = rows < TILE_HEIGHT ? rows : TILE_HEIGHT;
        int64_t start = starts[t] - base, count = starts[t + 1] - starts[t];
        const uint64_t *sorted = sort_entries(entries + start, spare + start, count);
        clear(tile, columns, rows);
        for (int64_t done = 0; done < count; done += BATCH) {
            int batch = count - done < BATCH ? (int)(count - done) : BATCH;
            if (full) {
                gather(sorted + done, batch, records, scene, camera, tile_x, tile_y, items, 1);
                for (int i = 0; i < batch; i++) blend_item(items + i, tile, 1);
            } else {
                gather(sorted + done, batch, records, scene, camera, tile_x, tile_y, items, 0);
                for (int i = 0; i < batch; i++) blend_item(items + i, tile, 0);
            }
            if (finished(tile)) break;
        }
        write_tile(tile, tile_x, tile_y, columns, rows, scene, camera, passes);
    }
}
