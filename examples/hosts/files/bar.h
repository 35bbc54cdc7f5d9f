/* A bar on standard error that says how far a transfer has come. */
#ifndef FILES_BAR_H
#define FILES_BAR_H

#include <stdint.h>
#include <time.h>

struct bar {
    const char *what;
    uint64_t whole;
    uint64_t before; /* what was there when it began: it does not count for the speed */
    struct timespec began;
    struct timespec drawn;
    int shown;
};

/* `always` draws it also where standard error is no terminal: one line for each step. */
void bar_begin(struct bar *bar, const char *what, uint64_t whole, int always);
void bar_from(struct bar *bar, uint64_t place);
void bar_at(struct bar *bar, uint64_t place);
void bar_end(struct bar *bar);

#endif
