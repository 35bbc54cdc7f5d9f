#include "maildir.h"

#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Longer than mail servers keep a mail, and authors say that one is good. */
#define SWEEP_DAYS 30

int maildir_make(const char *path)
{
    static const char *const folders[] = {"", "/tmp", "/new", "/cur"};
    struct text folder = {0};
    int result = 0;

    for (size_t i = 0; i < 4 && result == 0; i++) {
        text_clear(&folder);
        text_format(&folder, "%s%s", path, folders[i]);
        if (folder.failed || (result = folder_make(folder.data)) != 0) {
            log_error("%s%s cannot be made: %s", path, folders[i], strerror(errno));
            result = -1;
        }
    }
    text_free(&folder);
    return result;
}

static int folder_sync(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

    if (folder < 0)
        return -1;
    result = fsync(folder);
    close(folder);
    return result;
}

/* What the disk has under this name is exactly this: not what the system remembers of having written it. */
static int holds(const char *path, const struct text *mail)
{
    struct text again = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC), same = 0;

    if (file >= 0 && posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0)
        same = file_read(path, &again, mail->length) == 0 && again.length == mail->length &&
               memcmp(again.data, mail->data, mail->length) == 0;
    if (file >= 0)
        close(file);
    text_free(&again);
    return same;
}

/* 1, 0, or -1 and errno if that cannot be told. */
static int exists(const char *path)
{
    return access(path, F_OK) == 0 ? 1 : errno == ENOENT ? 0 : -1;
}

struct names {
    struct text written, mark, named, folder;
};

/* `own` is a name that maildir_sweep() knows for ours: of "0123456789abcdef-". */
static int names_make(struct names *names, const char *path, const char *own, const char *name)
{
    static const struct names none;

    *names = none;
    text_format(&names->written, "%s/tmp/%s.mail", path, own);
    text_format(&names->mark, "%s/tmp/%s.placed", path, own);
    text_format(&names->named, "%s/new/%s", path, name);
    text_format(&names->folder, "%s/new", path);
    errno = ENOMEM;
    return names->written.failed || names->mark.failed || names->named.failed || names->folder.failed ? -1 : 0;
}

/* The last of it: the mail has its name, and the disk is to know. */
static int names_end(struct names *names, const char *path, int result)
{
    if (result == 0)
        result = folder_sync(names->folder.data);
    if (result != 0)
        log_error("%s cannot be written: %s", path, strerror(errno));
    text_free(&names->written);
    text_free(&names->mark);
    text_free(&names->named);
    text_free(&names->folder);
    return result;
}

/* Beside the mail in tmp lies an empty mark while it is placed. Only the mark: it has been in new, wherever its reader has put it
 * since. Both: it has not. */
static int place(const struct names *names, const struct text *mail)
{
    const char *written = names->written.data, *mark = names->mark.data;
    int marked = exists(mark), there = exists(written);

    if (marked < 0 || there < 0)
        return -1;
    if (marked && !there)
        return 0;
    errno = EIO;
    return (!marked || unlink(mark) == 0) && file_write(written, mail->data, mail->length) == 0 && holds(written, mail) &&
                   file_write(mark, "", 0) == 0
               ? rename(written, names->named.data)
               : -1;
}

int maildir_place(const char *path, const char *name, const struct text *mail)
{
    struct names names;
    int result = names_make(&names, path, name, name) == 0 && !mail->failed ? place(&names, mail) : -1;

    return names_end(&names, path, result);
}

void maildir_placed(const char *path, const char *name)
{
    struct text mark = {0};

    text_format(&mark, "%s/tmp/%s.placed", path, name);
    if (!mark.failed)
        unlink(mark.data);
    text_free(&mark);
}

/* Whether it is a mail beside which there is a mark. That must go first: alone it would say that the mail has been in new. */
static int is_marked(DIR *folder, const char *name, size_t own)
{
    struct text mark = {0};
    struct stat state;
    int is;

    text_format(&mark, "%.*s.placed", (int)own, name);
    is = strcmp(name + own, ".mail") == 0 &&
         (mark.failed || fstatat(dirfd(folder), mark.data, &state, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT);
    text_free(&mark);
    return is;
}

/* Whether the name of a file in tmp is one of ours: `own` digits, and what names_make() and file_write() put behind them. */
static int is_ours(const char *name, size_t own)
{
    static const char *const ends[] = {".placed", ".mail"};
    int end = 0;

    for (size_t i = 0; own > 0 && i < 2; i++) {
        const char *rest = name + own + strlen(ends[i]);

        if (strncmp(name + own, ends[i], strlen(ends[i])) != 0)
            continue;
        /* What was cut off while it was written: a process, and a place in its memory. */
        if (*rest == 0 || (sscanf(rest, ".%*[0-9].0x%*[0-9a-f].new%n", &end) == 0 && end > 0 && rest[end] == 0))
            return 1;
    }
    return 0;
}

void maildir_sweep(const char *path)
{
    struct text name = {0};
    DIR *folder;
    struct dirent *entry;
    struct stat state;

    text_format(&name, "%s/tmp", path);
    folder = name.failed ? NULL : opendir(name.data);
    text_free(&name);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        size_t own = strspn(entry->d_name, "0123456789abcdef-");

        if (is_ours(entry->d_name, own) && !is_marked(folder, entry->d_name, own) &&
            fstatat(dirfd(folder), entry->d_name, &state, AT_SYMLINK_NOFOLLOW) == 0 && state.st_mtime < time(NULL) - SWEEP_DAYS * 86400)
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder != NULL)
        closedir(folder);
}

int maildir_store(const char *path, const struct text *mail)
{
    struct text own = {0}, name = {0};
    struct names names = {0};
    struct timeval now;
    char host[64] = "localhost";
    int result = -1;

    gettimeofday(&now, NULL);
    gethostname(host, sizeof host - 1);
    text_format(&own, "%lx-%lx-%lx", (long)now.tv_sec, (long)now.tv_usec, (long)getpid());
    text_format(&name, "%ld.M%ldP%ld.%s", (long)now.tv_sec, (long)now.tv_usec, (long)getpid(), host);
    if (!own.failed && !name.failed && names_make(&names, path, own.data, name.data) == 0 && maildir_make(path) == 0 &&
        file_write(names.written.data, mail->data, mail->length) == 0)
        result = rename(names.written.data, names.named.data);
    text_free(&own);
    text_free(&name);
    return names_end(&names, path, result);
}
