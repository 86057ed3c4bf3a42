/* The gradient of a blended picture, second half: from what records gathered to the splats' parameters.
 *
 * Eight records at a time through the formulas of rasterise.c backwards: the whitened frame to the covariance on the
 * picture, that to the shape and the Jacobian, these to scales, quaternion and mean. Nothing of the first way but the
 * records is kept; the little that is needed is worked out again.
 */
#include "rasterise_backward.h"

#include <float.h>

#define LN2 0.69314718056f

/* Where the gradients go, one row a splat; rows that are not drawn are left as they are. */
typedef struct {
    float *means, *scales, *rotations, *opacities, *colors; /* (N, 3) (N, 3) (N, 4) (N,) (N, 3) */
} Gradients;

typedef struct {
    const float *means, *scales, *rotations, *opacities;
} Parameters;

/* Eight splats: parameters, their records' shape and sums, and then their gradients. */
typedef struct {
    Floats mean[3], scale[3], turn[4], opacity, p, q, r, sums[SUMS];
} Eight;

/* Jacobian, shape and their product, for eight splats; names as in rasterise.c. */
typedef struct {
    Floats x, y, inverse, u, v, held_u, held_v;
    Floats first[3], second[3]; /* rows of Jacobian * rotation */
    Floats unit[4], length;     /* the quaternion */
    Floats matrix[9], shape[9]; /* its rotation, and that times the scales */
    Floats mx[3], my[3];
} Traced;

INLINE Floats absolute(Floats value) { return (Floats)((Ints)value & 0x7fffffff); }

static void read_eight(const Record *records, const float *sums, int count, const Parameters *of, Eight *eight) {
    for (int lane = 0; lane < LANES; lane++) {
        int there = lane < count ? lane : 0; /* what is left over repeats the first */
        const Record *record = records + there;
        int64_t i = record->splat;
        for (int k = 0; k < 3; k++) eight->mean[k][lane] = of->means[3 * i + k], eight->scale[k][lane] = of->scales[3 * i + k];
        for (int k = 0; k < 4; k++) eight->turn[k][lane] = of->rotations[4 * i + k];
        eight->opacity[lane] = of->opacities[i];
        eight->p[lane] = record->p, eight->q[lane] = record->q, eight->r[lane] = record->r;
        for (int k = 0; k < SUMS; k++) eight->sums[k][lane] = sums[there * SUMS + k];
    }
}

INLINE void trace_shape(const Eight *eight, Traced *out) {
    Floats square = eight->turn[0] * eight->turn[0] + eight->turn[1] * eight->turn[1] + eight->turn[2] * eight->turn[2] +
                    eight->turn[3] * eight->turn[3];
    out->length = __builtin_elementwise_sqrt(square);
    for (int k = 0; k < 4; k++) out->unit[k] = eight->turn[k] / out->length;
    Floats w = out->unit[0], x = out->unit[1], y = out->unit[2], z = out->unit[3];
    out->matrix[0] = 1 - 2 * (y * y + z * z), out->matrix[1] = 2 * (x * y - w * z), out->matrix[2] = 2 * (x * z + w * y);
    out->matrix[3] = 2 * (x * y + w * z), out->matrix[4] = 1 - 2 * (x * x + z * z), out->matrix[5] = 2 * (y * z - w * x);
    out->matrix[6] = 2 * (x * z - w * y), out->matrix[7] = 2 * (y * z + w * x), out->matrix[8] = 1 - 2 * (x * x + y * y);
    for (int i = 0; i < 9; i++) out->shape[i] = out->matrix[i] * eight->scale[i % 3];
}

INLINE void trace(const Eight *eight, const Camera *camera, Traced *out) {
    const float *turn = camera->rotation;
    Floats x = eight->mean[0] - camera->eye[0], y = eight->mean[1] - camera->eye[1], z = eight->mean[2] - camera->eye[2];
    out->inverse = 1 / (turn[6] * x + turn[7] * y + turn[8] * z);
    out->x = turn[0] * x + turn[1] * y + turn[2] * z, out->y = turn[3] * x + turn[4] * y + turn[5] * z;
    out->u = out->x * out->inverse, out->v = out->y * out->inverse;
    out->held_u = clamp(out->u, all(camera->slope_min[0]), all(camera->slope_max[0]));
    out->held_v = clamp(out->v, all(camera->slope_min[1]), all(camera->slope_max[1]));
    trace_shape(eight, out);
    for (int i = 0; i < 3; i++) {
        out->first[i] = camera->focal[0] * out->inverse * (turn[i] - out->held_u * turn[6 + i]);
        out->second[i] = camera->focal[1] * out->inverse * (turn[3 + i] - out->held_v * turn[6 + i]);
    }
    for (int k = 0; k < 3; k++) {
        out->mx[k] = out->first[0] * out->shape[k] + out->first[1] * out->shape[3 + k] + out->first[2] * out->shape[6 + k];
        out->my[k] = out->second[0] * out->shape[k] + out->second[1] * out->shape[3 + k] + out->second[2] * out->shape[6 + k];
    }
}

INLINE void cross(const Floats *a, const Floats *b, Floats *out) {
    for (int k = 0; k < 3; k++) out[k] = a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3];
}

/* dL/d mx and dL/d my, (3,) each, whose products are the covariance S. With W = ((p, q), (0, r)), the inverse of S is
 * W'W over log2(e)/2, and so dL/dS = 2 ln(2)^2 W'(sum g (s f)(s f)')W. Antialiasing multiplies the opacity by
 * sqrt(|S - low-pass| / |S|); |S - low-pass| is the square of mx x my. */
INLINE void to_spread(const Eight *eight, const Traced *at, int antialiased, Floats *to_mx, Floats *to_my) {
    const Floats *sums = eight->sums, p = eight->p, q = eight->q, r = eight->r;
    const float scale = 2 * LN2 * LN2;
    Floats less = antialiased ? LN2 * sums[G] : all(0);
    Floats ss = scale * sums[G_SS] - less, sf = scale * sums[G_SF], ff = scale * sums[G_FF] - less;
    for (int k = 0; k < 3; k++) {
        Floats s = p * at->mx[k] + q * at->my[k], f = r * at->my[k];
        Floats along = 2 * (ss * s + sf * f);
        to_mx[k] = p * along;
        to_my[k] = q * along + r * (2 * (sf * s + ff * f));
    }
    if (!antialiased) return;
    Floats minors[3], by_mx[3], by_my[3];
    cross(at->mx, at->my, minors);
    cross(at->my, minors, by_mx);
    cross(minors, at->mx, by_my);
    Floats sharp = minors[0] * minors[0] + minors[1] * minors[1] + minors[2] * minors[2];
    Floats share = where(sharp > FLT_MIN, sums[G] / sharp, all(0));
    for (int k = 0; k < 3; k++) to_mx[k] += share * by_mx[k], to_my[k] += share * by_my[k];
}

/* dL/d quaternion (4,) of any length, from dL/d rotation matrix (9,): through its unit one, across which alone it acts. */
INLINE void to_turn(const Traced *at, const Floats *d, Floats *out) {
    Floats w = at->unit[0], x = at->unit[1], y = at->unit[2], z = at->unit[3];
    Floats unit[4];
    unit[0] = 2 * (x * (d[7] - d[5]) + y * (d[2] - d[6]) + z * (d[3] - d[1]));
    unit[1] = 2 * (y * (d[1] + d[3]) + z * (d[2] + d[6]) + w * (d[7] - d[5]) - 2 * x * (d[4] + d[8]));
    unit[2] = 2 * (x * (d[1] + d[3]) + z * (d[5] + d[7]) + w * (d[2] - d[6]) - 2 * y * (d[0] + d[8]));
    unit[3] = 2 * (x * (d[2] + d[6]) + y * (d[5] + d[7]) + w * (d[3] - d[1]) - 2 * z * (d[0] + d[4]));
    Floats along = w * unit[0] + x * unit[1] + y * unit[2] + z * unit[3];
    for (int k = 0; k < 4; k++) out[k] = (unit[k] - along * at->unit[k]) / at->length;
}

/* dL/d mean, from dL/d of its picture's place, of the Jacobian's rows and of its depth. */
INLINE void to_mean(const Eight *eight, const Traced *at, const Camera *camera, const Floats *to_first, const Floats *to_second,
                    Floats *out) {
    const float *turn = camera->rotation;
    const Floats *sums = eight->sums;
    Floats to_inverse = all(0), to_u = all(0), to_v = all(0);
    for (int i = 0; i < 3; i++) {
        to_inverse += to_first[i] * at->first[i] + to_second[i] * at->second[i];
        to_u -= to_first[i] * turn[6 + i];
        to_v -= to_second[i] * turn[6 + i];
    }
    to_inverse /= at->inverse;
    Ints free_u = (at->u >= camera->slope_min[0]) & (at->u <= camera->slope_max[0]);
    Ints free_v = (at->v >= camera->slope_min[1]) & (at->v <= camera->slope_max[1]);
    to_u = (Floats)((Ints)(to_u * (camera->focal[0] * at->inverse)) & free_u);
    to_v = (Floats)((Ints)(to_v * (camera->focal[1] * at->inverse)) & free_v);
    to_u += camera->focal[0] * (2 * LN2 * (eight->p * sums[G_S]));
    to_v += camera->focal[1] * (2 * LN2 * (eight->q * sums[G_S] + eight->r * sums[G_F]));
    to_inverse += to_u * at->x + to_v * at->y;
    Floats x = to_u * at->inverse, y = to_v * at->inverse;
    Floats z = sums[OF_DEPTH] - to_inverse * (at->inverse * at->inverse);
    for (int i = 0; i < 3; i++) out[i] = turn[i] * x + turn[3 + i] * y + turn[6 + i] * z;
}

/* The parameters of eight splats are replaced by their gradients; colours' stay in the sums. Lanes of the result are set
 * where all fourteen are finite. */
static Ints to_parameters(Eight *eight, const Camera *camera) {
    Traced at;
    Floats to_mx[3], to_my[3], to_matrix[9], to_first[3], to_second[3];
    trace(eight, camera, &at);
    to_spread(eight, &at, camera->antialiased, to_mx, to_my);
    for (int i = 0; i < 3; i++) to_first[i] = to_second[i] = all(0);
    for (int k = 0; k < 3; k++) {
        Floats to_scale = all(0);
        for (int i = 0; i < 3; i++) {
            Floats to_shape = at.first[i] * to_mx[k] + at.second[i] * to_my[k];
            to_scale += to_shape * at.matrix[3 * i + k];
            to_matrix[3 * i + k] = to_shape * eight->scale[k];
            to_first[i] += to_mx[k] * at.shape[3 * i + k];
            to_second[i] += to_my[k] * at.shape[3 * i + k];
        }
        eight->scale[k] = to_scale;
    }
    to_turn(&at, to_matrix, eight->turn);
    to_mean(eight, &at, camera, to_first, to_second, eight->mean);
    eight->opacity = where(eight->opacity <= 1, eight->sums[G] / eight->opacity, all(0)); /* above 1 it is held there */
    Ints sound = absolute(eight->opacity) <= FLT_MAX;
    for (int k = 0; k < 4; k++) sound &= absolute(eight->turn[k]) <= FLT_MAX;
    for (int k = 0; k < 3; k++) {
        sound &= (absolute(eight->mean[k]) <= FLT_MAX) & (absolute(eight->scale[k]) <= FLT_MAX);
        sound &= absolute(eight->sums[OF_RED + k]) <= FLT_MAX;
    }
    return sound;
}

static void write_lane(const Eight *eight, int lane, int64_t i, const Gradients *to) {
    for (int k = 0; k < 3; k++) {
        to->means[3 * i + k] = eight->mean[k][lane];
        to->scales[3 * i + k] = eight->scale[k][lane];
        to->colors[3 * i + k] = eight->sums[OF_RED + k][lane];
    }
    for (int k = 0; k < 4; k++) to->rotations[4 * i + k] = eight->turn[k][lane];
    to->opacities[i] = eight->opacity[lane];
}

/* Gradients of the splats of `visible` records from `start` on, from their sums (records, SUMS). Where one would not be a
 * finite number, all of its splat are left as they are. */
void anchorstage_backward_project(const Record *records, int64_t start, int64_t visible, const float *sums,
                                  const Parameters *parameters, const Camera *camera, const Gradients *gradients) {
    for (int64_t i = start; i < start + visible; i += LANES) {
        int count = start + visible - i < LANES ? (int)(start + visible - i) : LANES;
        Eight eight;
        read_eight(records + i, sums + i * SUMS, count, parameters, &eight);
        Ints sound = to_parameters(&eight, camera);
        for (int lane = 0; lane < count; lane++)
            if (sound[lane]) write_lane(&eight, lane, records[i + lane].splat, gradients);
    }
}
