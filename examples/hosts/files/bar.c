#define _POSIX_C_SOURCE 200809L
#include "bar.h"

#include "host.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 30, TERMINAL = 1, LINES = 2 };

static double since(const struct timespec *then)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void amount(double bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    while (bytes >= 1000 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    snprintf(text, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static void draw(const struct bar *bar, uint64_t place)
{
    char filled[WIDTH + 1];
    char what[41];
    char length[32], speed[32];
    double part = bar->whole > 0 ? (double)place / (double)bar->whole : 1;
    double seconds = since(&bar->began);
    size_t count = part >= 1 ? WIDTH : (size_t)(part * WIDTH);

    memset(filled, '.', WIDTH);
    memset(filled, '#', count);
    filled[WIDTH] = '\0';
    amount((double)bar->whole, length, sizeof length);
    amount(seconds > 0 && place > bar->before ? (double)(place - bar->before) / seconds : 0, speed, sizeof speed);
    snprintf(what, sizeof what, "%s", bar->what);
    harmless(what);
    fprintf(stderr, "%s%s [%s] %3.0f %% of %s, %s/s%s", bar->shown == TERMINAL ? "\r\033[K" : "", what, filled, 100 * part, length,
            speed, bar->shown == LINES ? "\n" : "");
    fflush(stderr);
}

void bar_begin(struct bar *bar, const char *what, uint64_t whole, int always)
{
    bar->what = what;
    bar->whole = whole;
    bar->before = 0;
    bar->shown = isatty(STDERR_FILENO) ? TERMINAL : always ? LINES : 0;
    clock_gettime(CLOCK_MONOTONIC, &bar->began);
    bar->drawn = bar->began;
}

void bar_from(struct bar *bar, uint64_t place)
{
    bar->before = place;
    clock_gettime(CLOCK_MONOTONIC, &bar->began);
}

void bar_at(struct bar *bar, uint64_t place)
{
    double pause = bar->shown == TERMINAL ? 0.1 : 1;

    if (bar->shown == 0 || (place < bar->whole && since(&bar->drawn) < pause))
        return;
    clock_gettime(CLOCK_MONOTONIC, &bar->drawn);
    draw(bar, place);
}

void bar_end(struct bar *bar)
{
    if (bar->shown == TERMINAL)
        fputc('\n', stderr);
    bar->shown = 0;
}
