/* A coarse map joins the picture's edges: each pixel beside a step takes the side whose colours are more like its own.
 *
 * Joint bilateral weights (Kopf, Cohen, Lischinski, Uyttendaele, SIGGRAPH 2007) over the cells about a pixel, with
 * (1 + x / 4)^-4 for exp(-x); then a decision between the two sides instead of a mean over both.
 */
#include <stdint.h>

#define REACH 2                      /* cells to each side */
#define CELLS ((2 * REACH + 1) * (2 * REACH + 1))
#define AWAY (1 / (2 * 1.2f * 1.2f)) /* one over twice the variance: 1.2 cells */
#define UNLIKE (1 / (2 * 0.07f * 0.07f)) /* 0.07 of sRGB's range */
#define EVERY 1e-3f                  /* weight by colour that every cell keeps */

static float falloff(float x) {
    float root = 1 + 0.25f * x, square = root * root;
    return 1 / (square * square);
}

static int64_t within(int64_t value, int64_t count) { return value < 0 ? 0 : value < count ? value : count - 1; }

/* Values and weights of the cells about (x, y), in cells; the range of the values into `range`. */
static void gather(
    int64_t w, int64_t h, const float *cells, const float *cell_colours, const float *own, float x, float y, float *value,
    float *weight, float *range
) {
    int64_t column = (int64_t)(x + 0.5f), row = (int64_t)(y + 0.5f); /* x, y >= -0.5 */
    range[0] = range[1] = cells[within(row, h) * w + within(column, w)];
    int k = 0;
    for (int64_t i = row - REACH; i <= row + REACH; i++)
        for (int64_t j = column - REACH; j <= column + REACH; j++, k++) {
            int64_t r = within(i, h), c = within(j, w), at = r * w + c;
            float dy = (float)r - y, dx = (float)c - x, unlike = 0;
            for (int channel = 0; channel < 3; channel++) {
                float difference = cell_colours[3 * at + channel] - own[channel];
                unlike += difference * difference;
            }
            value[k] = cells[at];
            weight[k] = falloff((dx * dx + dy * dy) * AWAY) * (falloff(unlike * UNLIKE) + EVERY);
            if (value[k] < range[0]) range[0] = value[k];
            if (value[k] > range[1]) range[1] = value[k];
        }
}

/* The weighted mean of the heavier side of the middle; what lies between the sides says little. */
static float sided(const float *value, const float *weight, const float *range) {
    float middle = 0.5f * (range[0] + range[1]), sum[2] = {0, 0}, total[2] = {0, 0};
    for (int k = 0; k < CELLS; k++) {
        float off = value[k] - middle, part = weight[k] * off * off;
        int side = off > 0;
        sum[side] += part * value[k];
        total[side] += part;
    }
    int side = total[1] > total[0];
    return total[side] > 0 ? sum[side] / total[side] : middle;
}

/* Rows [start, end) of `out` (height, width): where the cell of `parted` (h, w) is 0 they stay as they are. */
void anchorstage_enlarge(
    int64_t start, int64_t end, int64_t width, int64_t height, const float *colours, int64_t w, int64_t h,
    const float *cells, const float *cell_colours, const uint8_t *parted, float *out
) {
    float value[CELLS], weight[CELLS], range[2];
    for (int64_t row = start; row < end; row++)
        for (int64_t column = 0; column < width; column++) {
            if (!parted[(row * h / height) * w + column * w / width]) continue;
            float y = ((float)row + 0.5f) * (float)h / (float)height - 0.5f;
            float x = ((float)column + 0.5f) * (float)w / (float)width - 0.5f;
            int64_t at = row * width + column;
            gather(w, h, cells, cell_colours, colours + 3 * at, x, y, value, weight, range);
            out[at] = sided(value, weight, range);
        }
}
