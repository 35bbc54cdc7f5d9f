/* A disk that fails: of the calls that change a regular file, the one with the number BULLA_FAULT_AT (and all later ones, with
 * BULLA_FAULT_ON) fails with the error BULLA_FAULT_ERROR. That it has is told by a file of the name BULLA_FAULT_TOLD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;

static int fails(void)
{
    const char *at = getenv("BULLA_FAULT_AT"), *told = getenv("BULLA_FAULT_TOLD"), *error = getenv("BULLA_FAULT_ERROR");
    long call = atomic_fetch_add(&calls, 1) + 1;

    if (!at || !told || !error || call < atol(at) || (call > atol(at) && !getenv("BULLA_FAULT_ON")))
        return 0;
    syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, told, O_CREAT | O_WRONLY, 0600));
    errno = atoi(error);
    return 1;
}

static int is_file(int handle)
{
    struct stat found;

    return fstat(handle, &found) == 0 && S_ISREG(found.st_mode);
}

/* Folders are synced, too. */
static int is_on_disk(int handle)
{
    struct stat found;

    return fstat(handle, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode));
}

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real)                                                 \
        *(void **)&real = dlsym(RTLD_NEXT, name)

ssize_t write(int handle, const void *bytes, size_t length)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    return is_file(handle) && fails() ? -1 : real(handle, bytes, length);
}

ssize_t pwrite(int handle, const void *bytes, size_t length, off_t at)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    return is_file(handle) && fails() ? -1 : real(handle, bytes, length, at);
}

ssize_t pwrite64(int handle, const void *bytes, size_t length, off64_t at)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return is_file(handle) && fails() ? -1 : real(handle, bytes, length, at);
}

int ftruncate64(int handle, off64_t length)
{
    REAL(int, "ftruncate64", int, off64_t);
    return fails() ? -1 : real(handle, length);
}

int fsync(int handle)
{
    REAL(int, "fsync", int);
    return is_on_disk(handle) && fails() ? -1 : real(handle);
}

int fdatasync(int handle)
{
    REAL(int, "fdatasync", int);
    return is_on_disk(handle) && fails() ? -1 : real(handle);
}

int unlink(const char *name)
{
    REAL(int, "unlink", const char *);
    return fails() ? -1 : real(name);
}

int mkdir(const char *name, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    return fails() ? -1 : real(name, mode);
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    return fails() ? -1 : real(from, to);
}
