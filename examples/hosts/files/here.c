#define _POSIX_C_SOURCE 200809L
#include "here.h"

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_folder(const char *folder)
{
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void close_both(int file, int folder)
{
    int before = errno;

    if (file >= 0)
        close(file);
    if (folder >= 0)
        close(folder);
    errno = before;
}

/* Opens a file, and nothing else that has its name. */
static int open_file(int folder, const char *name, int flags, struct stat *found)
{
    int file = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);

    if (file >= 0 && (fstat(file, found) != 0 || !S_ISREG(found->st_mode))) {
        close(file);
        errno = EEXIST;
        file = -1;
    }
    return file;
}

/* Writes what is not there yet. */
static int fill(int file, uint64_t there, const struct cargo *cargo)
{
    static unsigned char piece[65536];
    uint64_t place = there <= cargo->length ? there : 0; /* what is longer is not ours */
    long got;

    if (ftruncate(file, (off_t)place) != 0 || lseek(file, (off_t)place, SEEK_SET) < 0)
        return 0;
    errno = EIO;
    if (!cargo->seek(cargo->context, place))
        return 0;
    while ((got = cargo->read(cargo->context, piece, sizeof piece)) > 0) {
        if (!write_all(file, piece, (size_t)got))
            return 0;
        place += (uint64_t)got;
        if (cargo->progress != NULL)
            cargo->progress(cargo->context, place);
    }
    return got == 0;
}

enum carried here_upload(const char *folder, const char *temporary, const char *name, const struct cargo *cargo)
{
    struct stat found;
    int at = open_folder(folder);
    int file = at >= 0 ? open_file(at, temporary, O_WRONLY | O_CREAT, &found) : -1;
    /* It is on the disk before it has its name. */
    int fine = file >= 0 && fill(file, (uint64_t)found.st_size, cargo) && fsync(file) == 0 && renameat(at, temporary, at, name) == 0 &&
               fsync(at) == 0;

    close_both(file, at);
    return fine ? CARRIED : CARRIED_FAILED;
}

enum carried here_fetch(const char *folder, const char *name, unsigned char *data, size_t size, size_t *length)
{
    struct stat found;
    ssize_t got = -1;
    int at = open_folder(folder);
    int file = at >= 0 ? open_file(at, name, O_RDONLY, &found) : -1;
    int absent = at >= 0 && file < 0 && errno == ENOENT;

    *length = 0;
    errno = file >= 0 ? EFBIG : errno;
    if (file >= 0 && (uint64_t)found.st_size <= size)
        while ((got = read(file, data + *length, size - *length)) > 0)
            *length += (size_t)got;
    close_both(file, at);
    return absent ? CARRIED_NOTHING : got == 0 ? CARRIED : CARRIED_FAILED;
}

enum carried here_remove(const char *folder, const char *name)
{
    int at = open_folder(folder);
    int done = at >= 0 && unlinkat(at, name, 0) == 0;

    close_both(-1, at);
    return done ? CARRIED : CARRIED_FAILED;
}
