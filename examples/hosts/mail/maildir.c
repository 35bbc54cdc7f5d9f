#include "maildir.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

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

/* Beside the mail in tmp lies an empty mark while it is placed. Only the mark: it has been in new, wherever its reader has put it
 * since. Both: it has not. */
static int place(const char *written, const char *mark, const char *named, const struct text *mail)
{
    int marked = exists(mark), there = exists(written);

    if (marked < 0 || there < 0)
        return -1;
    if (marked && !there)
        return 0;
    errno = EIO;
    return (!marked || unlink(mark) == 0) && file_write(written, mail->data, mail->length) == 0 && holds(written, mail) &&
                   file_write(mark, "", 0) == 0
               ? rename(written, named)
               : -1;
}

int maildir_place(const char *path, const char *name, const struct text *mail)
{
    struct text written = {0}, mark = {0}, named = {0}, folder = {0};
    int result = -1;

    text_format(&written, "%s/tmp/%s.mail", path, name);
    text_format(&mark, "%s/tmp/%s.placed", path, name);
    text_format(&named, "%s/new/%s", path, name);
    text_format(&folder, "%s/new", path);
    errno = ENOMEM;
    if (!mail->failed && !written.failed && !mark.failed && !named.failed && !folder.failed &&
        place(written.data, mark.data, named.data, mail) == 0)
        result = folder_sync(folder.data);
    if (result != 0)
        log_error("%s cannot be written: %s", path, strerror(errno));
    text_free(&written);
    text_free(&mark);
    text_free(&named);
    text_free(&folder);
    return result;
}

void maildir_placed(const char *path, const char *name)
{
    struct text mark = {0};

    text_format(&mark, "%s/tmp/%s.placed", path, name);
    if (!mark.failed)
        unlink(mark.data);
    text_free(&mark);
}

int maildir_store(const char *path, const struct text *mail)
{
    struct text written = {0}, named = {0}, folder = {0};
    struct timeval now;
    char host[64] = "localhost";
    int result = -1;

    gettimeofday(&now, NULL);
    gethostname(host, sizeof host - 1);
    text_format(&written, "%s/tmp/%ld.M%ldP%ld.%s", path, (long)now.tv_sec, (long)now.tv_usec, (long)getpid(), host);
    text_format(&named, "%s/new/%ld.M%ldP%ld.%s", path, (long)now.tv_sec, (long)now.tv_usec, (long)getpid(), host);
    text_format(&folder, "%s/new", path);
    if (!written.failed && !named.failed && !folder.failed && maildir_make(path) == 0 &&
        file_write(written.data, mail->data, mail->length) == 0 && rename(written.data, named.data) == 0)
        result = folder_sync(folder.data);
    if (result != 0)
        log_error("%s cannot be written: %s", path, strerror(errno));
    text_free(&written);
    text_free(&named);
    text_free(&folder);
    return result;
}
