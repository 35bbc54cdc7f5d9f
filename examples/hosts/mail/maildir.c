#include "maildir.h"

#include "log.h"

#include <dirent.h>
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

/* Whether a mail of this name is in cur, with whatever flags its reader's program has put behind the name. */
static int is_read(const char *path, const char *name)
{
    struct text folder = {0};
    struct dirent *entry;
    size_t length = strlen(name);
    DIR *open;
    int found = 0;

    text_format(&folder, "%s/cur", path);
    open = folder.failed ? NULL : opendir(folder.data);
    while (open != NULL && !found && (entry = readdir(open)) != NULL)
        found = strncmp(entry->d_name, name, length) == 0 && (entry->d_name[length] == 0 || entry->d_name[length] == ':');
    if (open != NULL)
        closedir(open);
    text_free(&folder);
    return found;
}

/* What the disk has under this name is exactly this. */
static int holds(const char *path, const struct text *mail)
{
    struct text again = {0};
    int same = file_read(path, &again, mail->length) == 0 && again.length == mail->length &&
               memcmp(again.data, mail->data, mail->length) == 0;

    text_free(&again);
    return same;
}

int maildir_place(const char *path, const char *name, const struct text *mail)
{
    struct text written = {0}, named = {0}, folder = {0};
    int result = -1;

    if (is_read(path, name))
        return 0;
    text_format(&written, "%s/tmp/%s.mail", path, name);
    text_format(&named, "%s/new/%s", path, name);
    text_format(&folder, "%s/new", path);
    errno = EIO;
    if (!mail->failed && !written.failed && !named.failed && !folder.failed && file_write(written.data, mail->data, mail->length) == 0 &&
        holds(written.data, mail) && rename(written.data, named.data) == 0)
        result = folder_sync(folder.data);
    if (result != 0)
        log_error("%s cannot be written: %s", path, strerror(errno));
    text_free(&written);
    text_free(&named);
    text_free(&folder);
    return result;
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
