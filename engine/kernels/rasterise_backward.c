/* The gradient of a blended picture, first half: from pixels to what each record gathers (rasterise_backward.h).
 *
 *   picture, upstream ─retrace─► slots, one an entry ─gather─► sums, one row a record ─(project_backward.c)─► parameters
 *
 * A tile is blended a second time, front to back and with the bits of the first, so that no last index need be kept. Of
 * a pixel with L = sum w_i f_i, w_i = T_i a_i, the gradient is a_i dL/da_i = w_i f_i - (rest behind i) a_i / (1 - a_i)
 * (Kerbl et al. 2023, with one sum for all channels). The rest behind is the whole less what has passed. So that this
 * cancels nothing, the mean f of the pixel, c = L / alpha, is taken off each f_i: the whole is then nought, and c comes
 * back as dL/da_i of c alpha, which is c T_end / (1 - a_i).
 *
 * An entry's sums go to its own slot and are added up in the order of scattering, so that the bits are the same whatever
 * the number of threads.
 */
#include "rasterise_backward.h"

#include "falloff.h"
#include "sort.h"

/* A tile's planes. Light as in rasterise_blend.c; PASSED is sum w_i (f_i - c) so far, plus c T_end; a channel's weight in
 * L; the depth is the picture's, from which splats' depths are measured; BASE is alpha's own weight in L, less c. The last
 * two are of faint pixels alone: sum w and sum w (z - depth). */
enum { LIGHT, PASSED, OF_COLOR, OF_Z = OF_COLOR + 3, PIXEL_DEPTH, BASE, WEIGHT, BEHIND, TILE_PLANES };
#define STRIDE (TILE_WIDTH + LANES)
#define FAINT 0.5f /* a depth under less alpha than this, divided by it, is not exact enough to be differentiated */
#define BATCH 128 /* splats gathered together; after each batch a finished tile is left */

typedef float TilePlanes[TILE_HEIGHT][TILE_PLANES][STRIDE];

typedef struct {
    float x, y, p, q, r, log_opacity, color[3], depth;
    int32_t left, right, top, bottom;
    int64_t slot;
} Item;

/* One item in eight pixels: its opacity, where that is not held, and its weight, 0 where it is not drawn; the light goes on.
 * Returns where it is drawn. */
INLINE Ints blend_eight(const Item *item, float (*planes)[STRIDE], int x, Floats s, float f, Floats *alpha, Ints *below,
                        Floats *weight) {
    const Ints sign = (Ints)all(-0.0f);
    Floats power = opacity_at(opacity_of_row(item->log_opacity, all(f)), s), opacity = exp2_of(power);
    Ints drawn = power >= LOG_MIN_ALPHA;
    *below = opacity < MAX_ALPHA;
    *alpha = where(*below, opacity, all(MAX_ALPHA));
    Floats light = load(planes[LIGHT] + x), part = light * *alpha, left = light - part;
    Ints open = left > MIN_LIGHT;
    store(planes[LIGHT] + x, where(drawn, where(open, left, (Floats)((Ints)light | sign)), light));
    *weight = (Floats)((Ints)part & drawn & open);
    return drawn & open;
}

/* Add to what the planes know of faint pixels. */
INLINE void weigh_eight(const Item *item, float (*planes)[STRIDE], int x, Floats s, float f) {
    Floats alpha, weight;
    Ints below;
    blend_eight(item, planes, x, s, f, &alpha, &below, &weight);
    store(planes[WEIGHT] + x, load(planes[WEIGHT] + x) + weight);
    store(planes[BEHIND] + x, load(planes[BEHIND] + x) + weight * (item->depth - load(planes[PIXEL_DEPTH] + x)));
}

/* Add what the item gathers in eight pixels. */
INLINE void retrace_eight(const Item *item, float (*planes)[STRIDE], int x, Floats s, float f, Floats *sums) {
    Floats alpha, weight;
    Ints below, drawn = blend_eight(item, planes, x, s, f, &alpha, &below, &weight);
    Floats value = load(planes[BASE] + x) + load(planes[OF_Z] + x) * (item->depth - load(planes[PIXEL_DEPTH] + x));
    for (int k = 0; k < 3; k++) {
        Floats of_color = load(planes[OF_COLOR + k] + x);
        value += of_color * item->color[k];
        sums[OF_RED + k] += weight * of_color;
    }
    sums[OF_DEPTH] += weight * load(planes[OF_Z] + x);
    Floats change = weight * value, passed = load(planes[PASSED] + x) + change;
    store(planes[PASSED] + x, passed);
    Floats g = (Floats)((Ints)(change + passed * (alpha / (1 - alpha))) & drawn & below), g_s = g * s;
    sums[G] += g;
    sums[G_S] += g_s;
    sums[G_F] += g * f;
    sums[G_SS] += g_s * s;
    sums[G_SF] += g_s * f;
    sums[G_FF] += g * (f * f);
}

/* The sums of the eight lanes of eight vectors. */
INLINE Floats pairs(Floats a, Floats b) {
    return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) + __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
}

INLINE Floats fours(Floats a, Floats b) {
    return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) + __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}

INLINE Floats across_lanes(const Floats *of) {
    Floats low = fours(pairs(of[0], of[1]), pairs(of[2], of[3])), high = fours(pairs(of[4], of[5]), pairs(of[6], of[7]));
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
}

/* One item over its pixels of the tile whose first pixel's centre is at (tile_x, tile_y); only weighed where `weigh`. */
INLINE void retrace_item(const Item *item, TilePlanes tile, float tile_x, float tile_y, float *slot, int weigh) {
    const Floats lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    Floats sums[SUMS] = {0};
    for (int x = item->left; x < item->right; x += LANES) {
        Floats across = item->p * (lanes + (tile_x + (float)x) - item->x);
        for (int y = item->top; y < item->bottom; y++) {
            float dy = tile_y + (float)y - item->y;
            Floats s = across + item->q * dy;
            if (weigh)
                weigh_eight(item, tile[y], x, s, item->r * dy);
            else
                retrace_eight(item, tile[y], x, s, item->r * dy, sums);
        }
    }
    if (weigh) return;
    store(slot, across_lanes(sums));
    Floats last = pairs(sums[OF_BLUE], sums[OF_DEPTH]);
    slot[OF_BLUE] = last[0] + last[2] + (last[4] + last[6]);
    slot[OF_DEPTH] = last[1] + last[3] + (last[5] + last[7]);
}

INLINE void read_item(const Record *record, const float *colors, int tile_x, int tile_y, Item *item) {
    int left = record->left - tile_x, right = record->right - tile_x;
    int top = record->top - tile_y, bottom = record->bottom - tile_y;
    item->x = record->x, item->y = record->y;
    item->p = record->p, item->q = record->q, item->r = record->r, item->log_opacity = record->log_opacity;
    item->left = left > 0 ? left : 0, item->right = right < TILE_WIDTH ? right : TILE_WIDTH;
    item->top = top > 0 ? top : 0, item->bottom = bottom < TILE_HEIGHT ? bottom : TILE_HEIGHT;
    memcpy(item->color, colors + 3 * (int64_t)record->splat, sizeof item->color);
    item->depth = record->depth;
}

/* What a pixel's channels weigh in L. Depth is sum w z / alpha, and a constant where there is next to nothing. */
INLINE void read_pixel(const Upstream *up, int64_t pixel, float (*planes)[STRIDE], int x) {
    float alpha = up->alpha[pixel], depth = 0, of_z = 0, total = up->alpha_gradient[pixel] * alpha;
    for (int k = 0; k < 3; k++) {
        planes[OF_COLOR + k][x] = up->color_gradient[3 * pixel + k];
        total += up->color_gradient[3 * pixel + k] * up->color[3 * pixel + k];
    }
    if (alpha >= NOTHING_ALPHA) depth = up->depth[pixel], of_z = up->depth_gradient[pixel] / alpha;
    float mean = alpha > 0 ? total / alpha : 0;
    planes[LIGHT][x] = 1;
    planes[PASSED][x] = mean * (1 - alpha);
    planes[OF_Z][x] = of_z;
    planes[PIXEL_DEPTH][x] = depth;
    planes[BASE][x] = up->alpha_gradient[pixel] - mean;
}

/* Beyond the picture's edges everything is nought and finished, as in rasterise_blend.c. Returns whether a depth that
 * counts is faint. */
static int read_tile(const Upstream *up, const Camera *camera, int tile_x, int tile_y, TilePlanes tile) {
    int faint = 0;
    memset(tile, 0, sizeof(TilePlanes));
    for (int y = 0; y < TILE_HEIGHT; y++)
        for (int x = 0; x < STRIDE; x++) {
            tile[y][LIGHT][x] = -1;
            if (x >= TILE_WIDTH || tile_x + x >= camera->width || tile_y + y >= camera->height) continue;
            int64_t pixel = (int64_t)(tile_y + y) * camera->width + tile_x + x;
            read_pixel(up, pixel, tile[y], x);
            faint |= up->alpha[pixel] < FAINT && tile[y][OF_Z][x] != 0;
        }
    return faint;
}

/* With the weights summed as such, not as 1 - light, and depths from the picture's: a depth's gradient as exact as the
 * others'. The light is as before the first splat. */
static void refine_depths(const Upstream *up, const Camera *camera, int tile_x, int tile_y, TilePlanes tile) {
    for (int y = 0; y < TILE_HEIGHT && tile_y + y < camera->height; y++)
        for (int x = 0; x < TILE_WIDTH && tile_x + x < camera->width; x++) {
            float weight = tile[y][WEIGHT][x], *of_z = &tile[y][OF_Z][x];
            tile[y][LIGHT][x] = 1;
            if (*of_z == 0 || !(weight > 0)) continue;
            *of_z = up->depth_gradient[(int64_t)(tile_y + y) * camera->width + tile_x + x] / weight;
            tile[y][BASE][x] -= *of_z * (tile[y][BEHIND][x] / weight);
        }
}

static int finished(TilePlanes tile) {
    Ints open = {0};
    for (int y = 0; y < TILE_HEIGHT; y++)
        for (int x = 0; x < TILE_WIDTH; x += LANES) open |= load(tile[y][LIGHT] + x) > 0;
    return !any(open);
}

typedef struct {
    const Record *records;
    const float *colors;
    TilePlanes *planes;
    int x, y; /* of its first pixel */
} Tile;

/* Entries of a tile get their place for a record, which goes to numbers (count,); returns them sorted. */
static const uint64_t *sort_places(uint64_t *entries, uint64_t *spare, uint32_t *numbers, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        numbers[i] = (uint32_t)entries[i];
        entries[i] = (entries[i] >> 32 << 32) | (uint64_t)i;
    }
    return sort_entries(entries, spare, count);
}

/* Sorted entries over a tile, their sums to slots (count, SUMS) by place; or, where `weigh`, only to the planes. */
INLINE void retrace_tile(const Tile *tile, const uint64_t *sorted, const uint32_t *numbers, int64_t count, float *slots,
                         int weigh) {
    Item items[BATCH];
    int64_t done = 0;
    while (done < count) {
        int batch = count - done < BATCH ? (int)(count - done) : BATCH;
        for (int i = 0; i < batch; i++) {
            items[i].slot = (int64_t)(uint32_t)sorted[done + i];
            read_item(tile->records + numbers[items[i].slot], tile->colors, tile->x, tile->y, items + i);
        }
        for (int i = 0; i < batch; i++)
            retrace_item(items + i, *tile->planes, (float)tile->x + 0.5f, (float)tile->y + 0.5f, slots + items[i].slot * SUMS,
                         weigh);
        done += batch;
        if (finished(*tile->planes)) break;
    }
    for (; !weigh && done < count; done++) memset(slots + (int64_t)(uint32_t)sorted[done] * SUMS, 0, SUMS * sizeof *slots);
}

/* Retrace the tiles [first, end).
 *   starts (tiles + 1,): tile t's entries, as scattered, are [starts[t] - base, starts[t + 1] - base) of entries, which
 *   like spare and numbers, of the same length, is scratch afterwards; slots (entries, SUMS) are written.
 *   colors (N, 3): of the splats, as they were drawn. */
void anchorstage_backward_retrace(int64_t first, int64_t end, const int64_t *starts, int64_t base, uint64_t *entries,
                                  uint64_t *spare, uint32_t *numbers, const Record *records, const float *colors,
                                  const Upstream *upstream, const Camera *camera, float *slots) {
    TilePlanes planes;
    for (int64_t t = first; t < end; t++) {
        int tile_x = (int)(t % camera->tiles_x) * TILE_WIDTH, tile_y = (int)(t / camera->tiles_x) * TILE_HEIGHT;
        int64_t start = starts[t] - base, count = starts[t + 1] - starts[t];
        if (count == 0) continue;
        const Tile tile = {records, colors, &planes, tile_x, tile_y};
        const uint64_t *sorted = sort_places(entries + start, spare + start, numbers + start, count);
        if (read_tile(upstream, camera, tile_x, tile_y, planes)) {
            retrace_tile(&tile, sorted, numbers + start, count, slots, 1);
            refine_depths(upstream, camera, tile_x, tile_y, planes);
        }
        retrace_tile(&tile, sorted, numbers + start, count, slots + start * SUMS, 0);
    }
}

/* Add the slots of the tiles [first, end) to the sums (records, SUMS) of `visible` records from `start` on; cursors as
 * for scattering, whose order this repeats. */
void anchorstage_backward_gather(const Record *records, int64_t start, int64_t visible, const Camera *camera, int64_t first,
                                 int64_t end, int64_t *cursors, const float *slots, float *sums) {
    for (int64_t i = start; i < start + visible; i++) {
        const Record *record = records + i;
        float *sum = sums + i * SUMS;
        for (int row = record->top / TILE_HEIGHT; row <= (record->bottom - 1) / TILE_HEIGHT; row++)
            for (int column = record->left / TILE_WIDTH; column <= (record->right - 1) / TILE_WIDTH; column++) {
                int64_t tile = (int64_t)row * camera->tiles_x + column;
                if (tile < first || tile >= end) continue;
                const float *slot = slots + cursors[tile]++ * SUMS;
                for (int k = 0; k < SUMS; k++) sum[k] += slot[k];
            }
    }
}
