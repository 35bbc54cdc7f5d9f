#define _POSIX_C_SOURCE 200809L
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* Any number of names would be any amount of memory: of very many the oldest are forgotten, and said again. */
enum { PLACES = 8192, NEAR = 8, MINUTE = 60, HOUR = 3600 };

struct place {
    uint64_t name, why;
    int64_t used, said, kept; /* 0: not at all */
    struct { dev_t device; ino_t number; struct timespec changed; } file;
};

struct memory {
    struct place places[PLACES + NEAR];
};

struct memory *memory_new(void)
{
    return calloc(1, sizeof(struct memory));
}

void memory_free(struct memory *memory)
{
    free(memory);
}

/* Seconds of a clock that nobody sets; never 0. */
static int64_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec + HOUR;
}

/* FNV-1a. Who finds two names with one sum makes a line of the log appear twice. */
static uint64_t sum(const char *text)
{
    uint64_t result = 0xcbf29ce484222325;

    for (; *text != '\0'; text++)
        result = (result ^ (unsigned char)*text) * 0x100000001b3;
    return result;
}

/* NULL if nothing is known of it, and no place is to be made for it. */
static struct place *find(struct memory *memory, const char *name, int make)
{
    uint64_t wanted = sum(name);
    struct place *near = memory->places + wanted % PLACES;
    struct place *oldest = near;

    for (struct place *at = near; at < near + NEAR; at++) {
        if (at->used != 0 && at->name == wanted)
            return at;
        if (at->used < oldest->used)
            oldest = at;
    }
    if (!make)
        return NULL;
    *oldest = (struct place){.name = wanted, .used = seconds()};
    return oldest;
}

int memory_is_news(struct memory *memory, const char *name, const char *why)
{
    struct place *place = find(memory, name, 1);
    int64_t now = seconds();

    place->used = now;
    if (place->said != 0 && now - place->said < (place->why == sum(why) ? HOUR : MINUTE))
        return 0;
    place->said = now;
    place->why = sum(why);
    return 1;
}

void memory_keep(struct memory *memory, const char *name, const struct stat *file)
{
    struct place *place = find(memory, name, 1);

    place->kept = place->used = seconds();
    place->file.device = file->st_dev;
    place->file.number = file->st_ino;
    place->file.changed = file->st_ctim;
}

int memory_has(struct memory *memory, const char *name, const struct stat *file)
{
    const struct place *place = find(memory, name, 0);

    return place != NULL && place->kept != 0 && seconds() - place->kept < HOUR && place->file.device == file->st_dev &&
           place->file.number == file->st_ino && place->file.changed.tv_sec == file->st_ctim.tv_sec &&
           place->file.changed.tv_nsec == file->st_ctim.tv_nsec;
}
