/* The splat rasteriser's second half: sort each tile's entries, blend them front to back, write the passes.
 *
 * A tile lives in a few dozen kilobytes of planes while its splats pass over it, eight pixels at a time; records are
 * gathered in batches, so that the inner loop reads nothing from afar.
 */
#include "falloff.h"
#include "sort.h"

#include <float.h>
#include <math.h>

/* ---------------------------------------------------------------- blend */

/* A tile's planes, row by row so that one row's planes share a few cache lines. Light is what still passes through;
 * negative where the pixel is finished. The eight columns on the right let a vector reach over the edge. */
enum { LIGHT, RED, GREEN, BLUE, DEPTH, COLOR_PLANES, NORMAL = COLOR_PLANES, TRUST = NORMAL + 3, WEIGHT, HEAVIEST, ALL_PLANES };
#define STRIDE (TILE_WIDTH + LANES)
#define BATCH 128 /* splats gathered together; after each batch a finished tile is left */

typedef float TilePlanes[TILE_HEIGHT][ALL_PLANES][STRIDE];

/* A record as its tile sees it. Its centre stays in the picture's pixels, so that no bit depends on the tile. */
typedef struct {
    float x, y, p, q, r, log_opacity, channels[8]; /* red green blue depth, normal x y z, confidence */
    int32_t splat, left, right, top, bottom;
} Item;

/* Blend one item into eight pixels of one row, at column x of the tile; `power` is log2 of its opacity there. */
INLINE void blend_eight(const Item *item, float (*planes)[STRIDE], int x, Floats power, int full) {
    Ints drawn = power >= LOG_MIN_ALPHA;
    Floats alpha = __builtin_elementwise_min(exp2_of(power), all(MAX_ALPHA));
    Floats light = load(planes[LIGHT] + x), weight = light * alpha;
    Ints kept = drawn & (light - weight > MIN_LIGHT), closing = drawn & ~kept & (Ints)all(-0.0f);
    weight = (Floats)((Ints)weight & kept);
    store(planes[LIGHT] + x, (Floats)((Ints)(light - weight) | closing));
    int channels = full ? 8 : 4;
    for (int channel = 0; channel < channels; channel++)
        store(planes[RED + channel] + x, fused(weight, all(item->channels[channel]), load(planes[RED + channel] + x)));
    if (!full) return;
    Floats heaviest = load(planes[WEIGHT] + x), splat = (Floats)((Ints){0} + item->splat);
    store(planes[WEIGHT] + x, __builtin_elementwise_max(heaviest, weight));
    store(planes[HEAVIEST] + x, where(weight > heaviest, splat, load(planes[HEAVIEST] + x)));
}

/* What an item's exponent takes from a row: its opacity there is 2^(bases - (across + shears)^2). */
typedef struct {
    float shears[TILE_HEIGHT + LANES], bases[TILE_HEIGHT + LANES];
} Rows;

INLINE void rows_of(const Item *item, float tile_y, Rows *rows) {
    const Floats lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int y = item->top; y < item->bottom; y += LANES) {
        Floats dy = lanes + (tile_y + (float)y) - item->y, fall = item->r * dy;
        store(rows->shears + y - item->top, item->q * dy);
        store(rows->bases + y - item->top, opacity_of_row(item->log_opacity, fall));
    }
}

/* Blend one item into its pixels of the tile whose first pixel's centre is at (tile_x, tile_y). */
INLINE void blend_item(const Item *item, TilePlanes tile, float tile_x, float tile_y, int full) {
    const Floats lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    Rows rows;
    rows_of(item, tile_y, &rows);
    int count = item->bottom - item->top;
    for (int x = item->left; x < item->right; x += LANES) {
        Floats across = item->p * (lanes + (tile_x + (float)x) - item->x);
#pragma clang loop unroll_count(2)
        for (int i = 0; i < count; i++) {
            Floats s = across + rows.shears[i];
            blend_eight(item, tile[item->top + i], x, opacity_at(all(rows.bases[i]), s), full);
        }
    }
}

#define FAR 16 /* entries ahead whose records are fetched; at NEAR the records are there, and say what else to fetch */
#define NEAR 8

INLINE void prefetch(const Scene *scene, int64_t splat, int full) {
    __builtin_prefetch(scene->colors + 3 * splat);
    if (!full) return;
    __builtin_prefetch(scene->normals + 3 * splat);
    __builtin_prefetch(scene->positions + 3 * splat);
    __builtin_prefetch(scene->confidence + splat);
}

/* The `count` records of sorted entries as this tile's items. */
INLINE void gather(const uint64_t *entries, int count, const Record *records, const Scene *scene, const Camera *camera,
                   int tile_x, int tile_y, Item *items, int full) {
    for (int i = 0; i < count; i++) {
        if (i + FAR < count) __builtin_prefetch(records + (uint32_t)entries[i + FAR]);
        if (i + NEAR < count) prefetch(scene, records[(uint32_t)entries[i + NEAR]].splat, full);
        const Record *record = records + (uint32_t)entries[i];
        Item *item = items + i;
        int64_t splat = record->splat;
        int left = record->left - tile_x, right = record->right - tile_x;
        int top = record->top - tile_y, bottom = record->bottom - tile_y;
        item->x = record->x, item->y = record->y;
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

/* Unit length; where the blended normals cancelled, towards the eye; where that is too far aside for a float, backwards. */
static void write_normal(float (*planes)[STRIDE], int x, const Camera *camera, float u, float v, float *normal) {
    float n[3] = {planes[NORMAL][x], planes[NORMAL + 1][x], planes[NORMAL + 2][x]};
    float square = n[0] * n[0] + n[1] * n[1] + n[2] * n[2];
    const float *turn = camera->rotation;
    if (!(square > 1e-12f)) {
        for (int k = 0; k < 3; k++) n[k] = -(u * turn[k] + v * turn[3 + k] + turn[6 + k]);
        square = n[0] * n[0] + n[1] * n[1] + n[2] * n[2];
    }
    if (!(square <= FLT_MAX)) {
        for (int k = 0; k < 3; k++) n[k] = -turn[6 + k];
        square = 1;
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

/* One row's colour, alpha and depth, from the tile's planes to the picture's rows. */
static void write_row(float (*restrict planes)[STRIDE], int columns, float *restrict color, float *restrict alpha,
                      float *restrict depth) {
    for (int x = 0; x < columns; x++) alpha[x] = 1 - fabsf(planes[LIGHT][x]);
    for (int x = 0; x < columns; x++) depth[x] = alpha[x] < NOTHING_ALPHA ? INFINITY : planes[DEPTH][x] / alpha[x];
    for (int x = 0; x < columns; x++)
        for (int k = 0; k < 3; k++) color[3 * x + k] = planes[RED + k][x];
}

static void write_tile(TilePlanes tile, int tile_x, int tile_y, int columns, int rows, const Scene *scene,
                       const Camera *camera, const Passes *passes) {
    for (int y = 0; y < rows; y++) {
        int64_t first = (int64_t)(tile_y + y) * camera->width + tile_x;
        write_row(tile[y], columns, passes->color + 3 * first, passes->alpha + first, passes->depth + first);
        if (!passes->normal) continue;
        float v = ((float)(tile_y + y) + 0.5f - camera->centre[1]) / camera->focal[1];
        for (int x = 0; x < columns; x++) {
            float u = ((float)(tile_x + x) + 0.5f - camera->centre[0]) / camera->focal[0];
            write_extras(tile[y], x, first + x, u, v, passes->alpha[first + x], passes->depth[first + x], scene, camera,
                         passes);
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
        float first_x = (float)tile_x + 0.5f, first_y = (float)tile_y + 0.5f;
        clear(tile, columns, rows);
        for (int64_t done = 0; done < count; done += BATCH) {
            int batch = count - done < BATCH ? (int)(count - done) : BATCH;
            if (full) {
                gather(sorted + done, batch, records, scene, camera, tile_x, tile_y, items, 1);
                for (int i = 0; i < batch; i++) blend_item(items + i, tile, first_x, first_y, 1);
            } else {
                gather(sorted + done, batch, records, scene, camera, tile_x, tile_y, items, 0);
                for (int i = 0; i < batch; i++) blend_item(items + i, tile, first_x, first_y, 0);
            }
            if (finished(tile)) break;
        }
        write_tile(tile, tile_x, tile_y, columns, rows, scene, camera, passes);
    }
}
