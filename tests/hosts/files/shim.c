/*
 * A disk that corrupts: preloaded into a program, this changes one byte in what is written to a folder, or read from it; or it is
 * full where it said that it is not; or its files are dated a day ahead; or the clock of the machine is ahead.
 *
 *   FLIP_FOLDER   files below this folder
 *   FLIP_WHILE    while this file is there: "write", "read" or "full" is in it; "back" where the clock was set back since envelopes
 *                 came, "server" where another machine's clock, a day ahead, dates all files
 *   CLOCK_AHEAD   seconds
 *   CALLOC_FAILS  there is no memory for so many bytes at once
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int is_meant(int file, const char *how)
{
    char link[64], path[4096], found[16] = "";
    const char *folder = getenv("FLIP_FOLDER"), *control = getenv("FLIP_WHILE");
    int switched = folder != NULL && control != NULL ? open(control, O_RDONLY | O_CLOEXEC) : -1;

    if (switched < 0)
        return 0;
    ssize_t (*really)(int, void *, size_t) = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    ssize_t got = really(switched, found, sizeof found - 1);
    close(switched);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (got <= 0 || length <= 0)
        return 0;
    path[length] = '\0';
    return strncmp(found, how, strlen(how)) == 0 && strncmp(path, folder, strlen(folder)) == 0;
}

ssize_t write(int file, const void *data, size_t length)
{
    ssize_t (*really)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");

    /* Not at once, but after the first pieces. */
    if (length >= 1000 && is_meant(file, "full") && lseek(file, 0, SEEK_CUR) > 500000)
        return errno = ENOSPC, -1;
    if (length >= 1000 && is_meant(file, "write")) {
        unsigned char *changed = malloc(length);

        if (changed != NULL) {
            memcpy(changed, data, length);
            changed[length / 2] ^= 1;
            ssize_t done = really(file, changed, length);
            free(changed);
            return done;
        }
    }
    return really(file, data, length);
}

static ssize_t spoil(int file, void *data, ssize_t got)
{
    if (got >= 1000 && is_meant(file, "read"))
        ((unsigned char *)data)[got / 2] ^= 1;
    return got;
}

ssize_t read(int file, void *data, size_t length)
{
    ssize_t (*really)(int, void *, size_t) = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");

    return spoil(file, data, really(file, data, length));
}

ssize_t pread64(int file, void *data, size_t length, off64_t place)
{
    ssize_t (*really)(int, void *, size_t, off64_t) = (ssize_t (*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");

    return spoil(file, data, really(file, data, length, place));
}

int fstat(int file, struct stat *found)
{
    int (*really)(int, struct stat *) = (int (*)(int, struct stat *))dlsym(RTLD_NEXT, "fstat");
    char link[64], path[4096];
    int result = really(file, found);

    if (result != 0 || !S_ISREG(found->st_mode))
        return result;
    int ahead = is_meant(file, "server");
    if (!ahead && is_meant(file, "back")) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t length = readlink(link, path, sizeof path);
        ahead = length > 6 && memcmp(path + length - 6, ".bulla", 6) == 0;
    }
    if (ahead) {
        found->st_mtime += 86400;
        found->st_ctime += 86400;
    }
    return result;
}

int fstatat(int folder, const char *name, struct stat *found, int flags)
{
    int (*really)(int, const char *, struct stat *, int) = (int (*)(int, const char *, struct stat *, int))dlsym(RTLD_NEXT, "fstatat");
    int file = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;

    if (file < 0)
        return really(folder, name, found, flags);
    int result = fstat(file, found);
    close(file);
    return result;
}

/* By its other name, for to look for it may need memory. */
extern void *__libc_calloc(size_t, size_t);

void *calloc(size_t count, size_t size)
{
    const char *least = getenv("CALLOC_FAILS");

    if (least != NULL && count * size >= (size_t)atol(least))
        return errno = ENOMEM, NULL;
    return __libc_calloc(count, size);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    int (*really)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *ahead = getenv("CLOCK_AHEAD");
    int result = really(which, now);

    if (result == 0 && which == CLOCK_REALTIME && ahead != NULL)
        now->tv_sec += atol(ahead);
    return result;
}
