/* Sorts entries by their upper 32 bits, stable. */
#ifndef ANCHORSTAGE_SORT_H
#define ANCHORSTAGE_SORT_H

#include <stdint.h>

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

/* One stable counting pass over the digit that starts at `shift`, of the key above `lowest`. */
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

/* With as many digits as the range of keys has; returns where the sorted ones lie, in entries or in spare. */
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

#endif
