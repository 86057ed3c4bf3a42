/* The kernels from end to end without Python: reads a scene, draws it, writes what was drawn.
 *
 *   cross_harness SCENE OUTPUT
 *
 * test_cross_platform.py writes SCENE and reads OUTPUT; both are arrays one after the other, in this order:
 *   SCENE   int64 splats, chunks, full, harmonics, gradients; Camera; positions, scales, rotations, opacities, colors,
 *           confidence (float32); region (int32); origin (uint8); chunks (int32); sh (float32)
 *   OUTPUT  blocks, normals; color, alpha, depth and, where full, normal, confidence, region, origin; where gradients,
 *           those of color + alpha + depth: of positions, scales, rotations, opacities, colors
 * Exit codes: 0 drawn, 1 a file could not be read or written, 2 wrong arguments.
 */
#include "rasterise_backward.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void anchorstage_splats_prepare(int64_t, int64_t, int64_t, const float *, const float *, const float *, const float *,
                                const float *, const float *, float *, float *);
int64_t anchorstage_splats_project(int64_t, int64_t, const int32_t *, int64_t, const float *, const Camera *, int64_t,
                                   Record *, int32_t *);
void anchorstage_splats_scatter(const Record *, int64_t, int64_t, const Camera *, int64_t, int64_t, int64_t *, uint64_t *);
void anchorstage_splats_blend(int64_t, int64_t, const int64_t *, int64_t, uint64_t *, uint64_t *, const Record *,
                              const Scene *, const Camera *, const Passes *);
void anchorstage_harmonics_colors(const Record *, int64_t, int64_t, int64_t, const float *, const float *, const float *,
                                  const float *, float *);
void anchorstage_backward_retrace(int64_t, int64_t, const int64_t *, int64_t, uint64_t *, uint64_t *, uint32_t *,
                                  const Record *, const float *, const Upstream *, const Camera *, float *);
void anchorstage_backward_gather(const Record *, int64_t, int64_t, const Camera *, int64_t, int64_t, int64_t *,
                                 const float *, float *);
void anchorstage_backward_project(const Record *, int64_t, int64_t, const float *, const void *, const Camera *,
                                  const void *);

/* The scene as it was read. */
typedef struct {
    int64_t splats, chunks, full, harmonics, gradients;
} Sizes;

typedef struct {
    const float *positions, *scales, *rotations, *opacities; /* in the order of Parameters of project_backward.c */
} Shapes;

/* The records of a view, by tile. */
typedef struct {
    const Record *records;
    const int64_t *starts;
    int64_t visible, tiles;
} Sorted;

static void stop(const char *what) {
    fprintf(stderr, "cross_harness: %s\n", what);
    exit(1);
}

static void *array(int64_t count, size_t size) {
    void *memory = calloc((size_t)count + 1, size); /* never of no size */
    if (!memory) stop("out of memory");
    return memory;
}

static void *read_array(FILE *file, int64_t count, size_t size) {
    void *memory = array(count, size);
    if (fread(memory, size, (size_t)count, file) != (size_t)count) stop("the scene ends early");
    return memory;
}

static void write_array(FILE *file, const void *memory, int64_t count, size_t size) {
    if (fwrite(memory, size, (size_t)count, file) != (size_t)count) stop("the output cannot be written");
}

static void write_passes(FILE *file, const Passes *passes, int64_t pixels) {
    write_array(file, passes->color, 3 * pixels, 4);
    write_array(file, passes->alpha, pixels, 4);
    write_array(file, passes->depth, pixels, 4);
    if (!passes->normal) return;
    write_array(file, passes->normal, 3 * pixels, 4);
    write_array(file, passes->confidence, pixels, 4);
    write_array(file, passes->region, pixels, 4);
    write_array(file, passes->origin, pixels, 1);
}

/* Where each tile's entries begin. */
static int64_t *starts_of(const int32_t *counts, int64_t tiles) {
    int64_t *starts = array(tiles + 1, sizeof *starts);
    for (int64_t t = 0; t < tiles; t++) starts[t + 1] = starts[t] + counts[t];
    return starts;
}

static int64_t *cursors_of(const Sorted *sorted) {
    int64_t *cursors = array(sorted->tiles, sizeof *cursors);
    memcpy(cursors, sorted->starts, (size_t)sorted->tiles * sizeof *cursors);
    return cursors;
}

static uint64_t *scattered(const Sorted *sorted, const Camera *camera) {
    uint64_t *entries = array(sorted->starts[sorted->tiles], sizeof *entries);
    anchorstage_splats_scatter(sorted->records, 0, sorted->visible, camera, 0, sorted->tiles, cursors_of(sorted), entries);
    return entries;
}

static void draw(const Sorted *sorted, const Scene *scene, const Camera *camera, const Passes *passes) {
    uint64_t *spare = array(sorted->starts[sorted->tiles], sizeof *spare);
    anchorstage_splats_blend(0, sorted->tiles, sorted->starts, 0, scattered(sorted, camera), spare, sorted->records, scene,
                             camera, passes);
}

/* The gradients of color + alpha + depth, where there is a depth. */
static void write_gradients(FILE *file, const Sorted *sorted, int64_t splats, const Shapes *shapes, const float *colors,
                            const Camera *camera, const Passes *passes) {
    int64_t pixels = (int64_t)camera->width * camera->height, entries = sorted->starts[sorted->tiles];
    float *ones = array(3 * pixels, 4), *deep = array(pixels, 4);
    for (int64_t i = 0; i < 3 * pixels; i++) ones[i] = 1;
    for (int64_t i = 0; i < pixels; i++) deep[i] = isfinite(passes->depth[i]) ? 1 : 0;
    Upstream upstream = {passes->color, passes->alpha, passes->depth, ones, ones, deep};
    float *slots = array(entries * SUMS, 4), *sums = array((sorted->visible + LANES) * SUMS, 4);
    anchorstage_backward_retrace(0, sorted->tiles, sorted->starts, 0, scattered(sorted, camera), array(entries, 8),
                                 array(entries, 4), sorted->records, colors, &upstream, camera, slots);
    anchorstage_backward_gather(sorted->records, 0, sorted->visible, camera, 0, sorted->tiles, cursors_of(sorted), slots,
                                sums);
    const int widths[5] = {3, 3, 4, 1, 3};
    float *gradients[5]; /* in the order of Gradients of project_backward.c */
    for (int i = 0; i < 5; i++) gradients[i] = array(widths[i] * splats, 4);
    anchorstage_backward_project(sorted->records, 0, sorted->visible, sums, shapes, camera, gradients);
    for (int i = 0; i < 5; i++) write_array(file, gradients[i], widths[i] * splats, 4);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
    if (!in || !out) stop("a file cannot be opened");
    const Sizes *sizes = read_array(in, 1, sizeof *sizes);
    const Camera *camera = read_array(in, 1, sizeof *camera);
    int64_t splats = sizes->splats, blocks = (splats + LANES - 1) / LANES;
    int64_t pixels = (int64_t)camera->width * camera->height;
    Shapes shapes;
    shapes.positions = read_array(in, 3 * splats, 4), shapes.scales = read_array(in, 3 * splats, 4);
    shapes.rotations = read_array(in, 4 * splats, 4), shapes.opacities = read_array(in, splats, 4);
    const float *colors = read_array(in, 3 * splats, 4), *confidence = read_array(in, splats, 4);
    const int32_t *region = read_array(in, splats, 4);
    const uint8_t *origin = read_array(in, splats, 1);
    const int32_t *chunks = read_array(in, sizes->chunks, 4);
    const float *sh = read_array(in, 3 * splats * sizes->harmonics, 4);

    float *prepared = array(blocks * BLOCK_FLOATS, 4), *normals = array(3 * splats, 4);
    anchorstage_splats_prepare(0, blocks, splats, shapes.positions, shapes.scales, shapes.rotations, shapes.opacities,
                               colors, confidence, prepared, normals);
    Sorted sorted = {.tiles = (int64_t)camera->tiles_x * ((camera->height + TILE_HEIGHT - 1) / TILE_HEIGHT)};
    Record *records = array(sizes->chunks * CHUNK_BLOCKS * LANES, sizeof *records);
    int32_t *counts = array(sorted.tiles, sizeof *counts);
    sorted.visible =
        anchorstage_splats_project(0, sizes->chunks, chunks, blocks, prepared, camera, sorted.tiles, records, counts);
    sorted.records = records, sorted.starts = starts_of(counts, sorted.tiles);

    float *seen = array(3 * splats, 4);
    if (sizes->harmonics)
        anchorstage_harmonics_colors(records, 0, sorted.visible, sizes->harmonics, camera->eye, shapes.positions, colors, sh,
                                     seen);
    Scene scene = {sizes->harmonics ? seen : colors, normals, shapes.positions, confidence, region, origin};
    Passes passes = {.color = array(3 * pixels, 4), .alpha = array(pixels, 4), .depth = array(pixels, 4)};
    if (sizes->full) {
        passes.normal = array(3 * pixels, 4), passes.confidence = array(pixels, 4);
        passes.region = array(pixels, 4), passes.origin = array(pixels, 1);
    }
    draw(&sorted, &scene, camera, &passes);
    write_array(out, prepared, blocks * BLOCK_FLOATS, 4);
    write_array(out, normals, 3 * splats, 4);
    write_passes(out, &passes, pixels);
    if (sizes->gradients) write_gradients(out, &sorted, splats, &shapes, colors, camera, &passes);
    return fclose(out) ? 1 : 0;
}
