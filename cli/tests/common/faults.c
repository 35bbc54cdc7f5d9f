/* A disk that fails: of the calls below that reach a regular file or a folder, the one with the number BULLA_FAULT_AT (and all
 * later ones, with BULLA_FAULT_ON) fails with the error BULLA_FAULT_ERROR. With BULLA_FAULT_ONLY only calls count in whose name
 * below that is. The name of each call that failed is added as a line to the file BULLA_FAULT_TOLD.
 *
 * What a program asks of the kernel without the C library is not seen here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static void tell(const char *told, const char *call)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s\n", call);
    long file = syscall(SYS_openat, AT_FDCWD, told, O_CREAT | O_APPEND | O_WRONLY, 0600);

    syscall(SYS_write, file, line, length);
    syscall(SYS_close, file);
}

static int fails(const char *call)
{
    const char *at = getenv("BULLA_FAULT_AT"), *told = getenv("BULLA_FAULT_TOLD"), *error = getenv("BULLA_FAULT_ERROR");
    const char *only = getenv("BULLA_FAULT_ONLY");
    long number;

    if (!at || !told || !error || (only && !strstr(call, only)))
        return 0;
    number = atomic_fetch_add(&calls, 1) + 1;
    if (number < atol(at) || (number > atol(at) && !getenv("BULLA_FAULT_ON")))
        return 0;
    tell(told, call);
    errno = atoi(error);
    return 1;
}

static int is_file(int handle)
{
    struct stat found;

    return fstat(handle, &found) == 0 && S_ISREG(found.st_mode);
}

static int sync_fails(int handle)
{
    struct stat found;

    if (fstat(handle, &found) != 0)
        return 0;
    if (S_ISDIR(found.st_mode))
        return fails("fsync folder");
    return S_ISREG(found.st_mode) && fails("fsync file");
}

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real)                                                 \
        *(void **)&real = dlsym(RTLD_NEXT, name)

#define OPEN(name)                                                          \
    int name(const char *path, int flags, ...)                              \
    {                                                                       \
        va_list more;                                                       \
        mode_t mode = 0;                                                    \
        REAL(int, #name, const char *, int, ...);                           \
        if (flags & (O_CREAT | __O_TMPFILE)) {                              \
            va_start(more, flags);                                          \
            mode = va_arg(more, mode_t);                                    \
            va_end(more);                                                   \
        }                                                                   \
        return (flags & O_CREAT) && fails("create") ? -1 : real(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                        \
    int name(int folder, const char *path, int flags, ...)                  \
    {                                                                       \
        va_list more;                                                       \
        mode_t mode = 0;                                                    \
        REAL(int, #name, int, const char *, int, ...);                      \
        if (flags & (O_CREAT | __O_TMPFILE)) {                              \
            va_start(more, flags);                                          \
            mode = va_arg(more, mode_t);                                    \
            va_end(more);                                                   \
        }                                                                   \
        return (flags & O_CREAT) && fails("create") ? -1 : real(folder, path, flags, mode); \
    }

OPENAT(openat)
OPENAT(openat64)

ssize_t read(int handle, void *bytes, size_t length)
{
    REAL(ssize_t, "read", int, void *, size_t);
    return is_file(handle) && fails("read") ? -1 : real(handle, bytes, length);
}

#define PREAD(name, offset)                                                 \
    ssize_t name(int handle, void *bytes, size_t length, offset at)         \
    {                                                                       \
        REAL(ssize_t, #name, int, void *, size_t, offset);                  \
        return is_file(handle) && fails("read") ? -1 : real(handle, bytes, length, at); \
    }

PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t write(int handle, const void *bytes, size_t length)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    return is_file(handle) && fails("write") ? -1 : real(handle, bytes, length);
}

ssize_t writev(int handle, const struct iovec *pieces, int count)
{
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    return is_file(handle) && fails("write") ? -1 : real(handle, pieces, count);
}

#define PWRITE(name, offset)                                                \
    ssize_t name(int handle, const void *bytes, size_t length, offset at)   \
    {                                                                       \
        REAL(ssize_t, #name, int, const void *, size_t, offset);            \
        return is_file(handle) && fails("write") ? -1 : real(handle, bytes, length, at); \
    }

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define CUT(name, offset)                                                   \
    int name(int handle, offset length)                                     \
    {                                                                       \
        REAL(int, #name, int, offset);                                      \
        return fails("ftruncate") ? -1 : real(handle, length);              \
    }

CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

/* It gives the error back. */
int posix_fallocate(int handle, off_t at, off_t length)
{
    REAL(int, "posix_fallocate", int, off_t, off_t);
    return fails("fallocate") ? errno : real(handle, at, length);
}

int fsync(int handle)
{
    REAL(int, "fsync", int);
    return sync_fails(handle) ? -1 : real(handle);
}

int fdatasync(int handle)
{
    REAL(int, "fdatasync", int);
    return sync_fails(handle) ? -1 : real(handle);
}

int unlink(const char *name)
{
    REAL(int, "unlink", const char *);
    return fails("unlink") ? -1 : real(name);
}

int mkdir(const char *name, mode_t mode)
{
    REAL(int, "mkdir", const char *, mode_t);
    return fails("mkdir") ? -1 : real(name, mode);
}

int link(const char *from, const char *to)
{
    REAL(int, "link", const char *, const char *);
    return fails("link") ? -1 : real(from, to);
}

int linkat(int there, const char *from, int here, const char *to, int flags)
{
    REAL(int, "linkat", int, const char *, int, const char *, int);
    return fails("link") ? -1 : real(there, from, here, to, flags);
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    return fails("rename") ? -1 : real(from, to);
}
