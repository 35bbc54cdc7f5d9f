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

int maildir_store(const char *path, const struct text *mail)
{
    struct text written = {0}, named = {0}, folder = {0};
    struct timeval now;
    char host[64] = "localhost";
    int result = -1, new;

    gettimeofday(&now, NULL);
    gethostname(host, sizeof host - 1);
    text_format(&written, "%s/tmp/%ld.M%ldP%ld.%s", path, (long)now.tv_sec, (long)now.tv_usec, (long)getpid(), host);
    text_format(&named, "%s/new/%ld.M%ldP%ld.%s", path, (long)now.tv_sec, (long)now.tv_usec, (long)getpid(), host);
    text_format(&folder, "%s/new", path);
    if (!written.failed && !named.failed && !folder.failed && maildir_make(path) == 0 &&
        file_write(written.data, mail->data, mail->length) == 0 && rename(written.data, named.data) == 0 &&
        (new = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
        result = fsync(new);
        close(new);
    }
    if (result != 0)
        log_error("%s cannot be written: %s", path, strerror(errno));
    text_free(&written);
    text_free(&named);
    text_free(&folder);
    return result;
}
